"""Outputs made from the masks of a video: images, videos, COCO results, a contact sheet."""
