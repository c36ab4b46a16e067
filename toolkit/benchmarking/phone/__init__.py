"""An Android phone over adb, and LiteRT's benchmark program on it."""
