"""Points on pictures: photo, video, webcam, the page."""
