"""Outputs made from the masks of a video: pictures, videos, COCO results, a contact sheet."""
