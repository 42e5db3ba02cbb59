"""The verdict where training is watched: a monitor for any loop, and callbacks of Lightning, Keras and Hugging Face.

monitor = Monitor(data, every=100, path="run.jsonl", stop_at="global-minimum")
for step, (x, y) in enumerate(loader):
...
monitor.step(model, step)
if monitor.should_stop:
break
"""

from __future__ import annotations

from lossurf.callbacks.frameworks import hugging_face_callback, keras_callback, lightning_callback
from lossurf.callbacks.monitor import Monitor, Observation

__all__ = ["Monitor", "Observation", "hugging_face_callback", "keras_callback", "lightning_callback"]
