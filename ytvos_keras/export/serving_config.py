"""Configuration files for TensorFlow Serving."""

import re

from ytvos_keras.errors import InputError, first_line

BATCHING_FILE = "batching_params.pbtxt"  # in a version's folder
CONFIG_FILE = "models.config"  # in the model's folder

BATCHING_PARAMETERS = """\
# Read with --enable_batching --enable_per_model_batching_parameters.
# Threads are set for all models at once, in the file of --batching_parameters_file.
max_batch_size { value: 16 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 64 }
pad_variable_length_inputs: false
"""
"""Content of `BATCHING_FILE`, which `--enable_per_model_batching_parameters` reads.

Only for a model of a fixed size: the server concatenates requests along their first dimension,
which needs images of equal size, and for `segment_clip` clips of equal length, which stays free.
The graph checks the batch as a whole, so one invalid request fails all requests in it. No
`allowed_batch_sizes`: padding rows cost time on a CPU and only help compilers for other hardware.
"""


def model_config(name: str, version: int) -> str:
    """The file that `--model_config_file` reads: the version to serve, with the label `stable`.

    Args:
        name: Name of the model; the server finds it in `/models/<name>`.
        version: The only version so far.
    """
    return f"""\
# The state of one version is meaningless to another, so clients must use one version, or one label,
# for a whole clip. To try version N alongside this one, add "versions: N" and
#     version_labels {{ key: "canary" value: N }}
# and move "stable" to it once it has been validated. The server reads labels before it loads the
# versions, so it needs --allow_version_labels_for_unavailable_models=true.
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
    model_version_policy {{
      specific {{
        versions: {version}
      }}
    }}
    version_labels {{ key: "stable" value: {version} }}
  }}
}}
"""


def listed_versions(text: str) -> list[int]:
    """The versions that a `models.config` lists by number, without tensorflow-serving-api."""
    text = re.sub("#.*", "", text)  # comments
    lists = re.findall(r"\bversions\s*:\s*([\d\s,\[\]]+)", text)
    return [int(number) for numbers in lists for number in re.findall(r"\d+", numbers)]


def read_model_config(text: str) -> tuple[str, list[int], dict[str, int]]:
    """Name, versions and labels of the model in a `models.config`.

    Raises:
        InputError: It is not a config of one model and its versions.
    """
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(text, config)
    except (text_format.ParseError, ValueError, RecursionError) as error:
        raise InputError(f"{CONFIG_FILE}: not a ModelServerConfig ({first_line(error)})") from error
    models = config.model_config_list.config
    if len(models) != 1 or not models[0].model_version_policy.specific.versions:
        raise InputError(f"{CONFIG_FILE}: must name one model and the versions to serve")
    model = models[0]
    versions = list(model.model_version_policy.specific.versions)
    labels = dict(model.version_labels)
    if not set(labels.values()) <= set(versions):
        raise InputError(f"{CONFIG_FILE}: a label names a version that is not served: {labels}")
    return model.name, versions, labels
