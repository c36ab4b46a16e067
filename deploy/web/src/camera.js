/** The camera: opening one, the other one, and its frames. */

/** A running camera. `front` says whether it faces its user: then its picture is mirrored. */
export class Camera {
  #stream;

  constructor(stream, video) {
    this.#stream = stream;
    this.video = video;
  }

  /**
   * Ask for the camera and wait for its first frame; raises what getUserMedia raises.
   *
   * @param facing "user" or "environment"; a device without such a camera gives another one.
   */
  static async open(facing) {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: facing, width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
      audio: false,
    });
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    try {
      await video.play();
    } catch (error) {
      stream.getTracks().forEach((track) => track.stop());
      throw error;
    }
    return new Camera(stream, video);
  }

  get #track() {
    return this.#stream.getVideoTracks()[0];
  }

  /** A camera that does not say where it looks is a computer's, in front of its user. */
  get front() {
    return this.#track.getSettings().facingMode !== "environment";
  }

  /** Call when the system takes the camera away. */
  onEnded(ended) {
    this.#track.addEventListener("ended", ended);
  }

  /** Resolves with the next new frame. */
  next() {
    return new Promise((resolve) => {
      if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(resolve);
      else requestAnimationFrame(resolve);
    });
  }

  close() {
    this.#stream.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
  }
}

/** How many cameras the device has; names stay hidden, and before permission the count may be 1. */
export async function cameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "videoinput").length;
}
