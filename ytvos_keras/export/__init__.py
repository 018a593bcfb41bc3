"""Deployment: SavedModels and ONNX files whose state goes in and comes out."""
