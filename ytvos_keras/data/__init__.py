"""Training data as `tf.data` pipelines of clips: from pictures with masks, and from videos."""
