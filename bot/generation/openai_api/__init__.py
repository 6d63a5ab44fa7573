"""The API that OpenAI's servers made common, as far as it is not one engine's own business."""
