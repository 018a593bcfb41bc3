"""What can be made of the masks of a video: pictures, videos, COCO results, a contact sheet."""
