/**
 * The microscope: from optical phase to an 8-bit picture.
 *
 * Positive phase contrast after Zernike: the field behind the specimen is u = exp(i phase). Its slowly varying part S (a Gaussian
 * blur as wide as the phase ring is narrow) passes the ring, is dimmed to `ring` and retarded by a quarter wave; the rest D = u - S does
 * not. The picture is |D - i ring S|^2. Thin things come out dark in proportion to their phase, a bright halo lies around them
 * and wide ones fade in the middle (shade-off), and bodies beyond about half a wave shine: nothing of that is painted.
 */
import type { Rng } from "../../engine/rng.js";
import { createField, type Field, fillNormal, gaussianBlur } from "./fields.js";
import type { Specimen } from "./specimen.js";

export interface Optics {
  /** Width of the halo, pixels (sigma of the blur that gives S). */
  readonly halo: number;
  /** Amplitude transmittance of the phase ring, 0 to 1: the smaller, the stronger the contrast. */
  readonly ring: number;
  /** Visibility of the contrast, 0 to 1: a condenser ring is wide, its light not coherent. */
  readonly visibility: number;
  /** Blur of the picture, pixels (sigma): resolution and defocus. */
  readonly blur: number;
  /** Defocus: adds its multiple of the Laplacian of the phase (transport of intensity), square pixels; either sign. */
  readonly defocus: number;
  /** Grey value of the empty background in the middle of the picture, 0 to 255. */
  readonly background: number;
  /** Relative illumination: slopes along x and y and fall-off towards the corners, over the whole picture. */
  readonly slopeX: number;
  readonly slopeY: number;
  readonly falloff: number;
  /** Photons per grey level: sets the shot noise. */
  readonly photons: number;
  /** Read-out noise, grey levels. */
  readonly readNoise: number;
}

/** Highlights bend towards this many times the background instead of growing without bound. */
const SHOULDER = 1.3;

/** Interference at the phase ring: intensity relative to the background. */
function phaseContrast(phase: Field, optics: Optics): Field {
  const { width, height } = phase;
  const real = createField(width, height);
  const imaginary = createField(width, height);
  for (let i = 0; i < phase.data.length; i++) {
    const value = phase.data[i]!;
    real.data[i] = Math.cos(value);
    imaginary.data[i] = Math.sin(value);
  }
  const slowReal = gaussianBlur(real, optics.halo).data;
  const slowImaginary = gaussianBlur(imaginary, optics.halo).data;
  const { ring, visibility } = optics;
  const result = createField(width, height);
  for (let i = 0; i < result.data.length; i++) {
    const re = real.data[i]! - slowReal[i]! + ring * slowImaginary[i]!;
    const im = imaginary.data[i]! - slowImaginary[i]! - ring * slowReal[i]!;
    const contrast = (re * re + im * im) / (ring * ring) - 1;
    result.data[i] = 1 + visibility * (contrast > 0 ? SHOULDER * (1 - Math.exp(-contrast / SHOULDER)) : contrast);
  }
  return result;
}

/** Adds `defocus` times the Laplacian of the phase to the intensity, border values repeated. */
function addDefocus(intensity: Field, phase: Field, defocus: number): void {
  const { width, height, data } = phase;
  for (let y = 0; y < height; y++) {
    const up = Math.max(y - 1, 0) * width;
    const down = Math.min(y + 1, height - 1) * width;
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const left = data[y * width + Math.max(x - 1, 0)]!;
      const right = data[y * width + Math.min(x + 1, width - 1)]!;
      const laplacian = left + right + data[up + x]! + data[down + x]! - 4 * data[at]!;
      intensity.data[at] = intensity.data[at]! + defocus * laplacian;
    }
  }
}

/** Illumination, photons, camera: relative intensity to grey values. */
function expose(intensity: Field, optics: Optics, rng: Rng): Uint8Array {
  const { width, height, data } = intensity;
  const noise = new Float32Array(width * height);
  fillNormal(noise, rng);
  const pixels = new Uint8Array(width * height);
  const read2 = optics.readNoise * optics.readNoise;
  for (let y = 0; y < height; y++) {
    const v = (2 * y) / height - 1;
    for (let x = 0; x < width; x++) {
      const u = (2 * x) / width - 1;
      const light = 1 + optics.slopeX * u + optics.slopeY * v - optics.falloff * (u * u + v * v);
      const at = y * width + x;
      const grey = Math.max(0, optics.background * light * data[at]!);
      const value = grey + Math.sqrt(grey / optics.photons + read2) * noise[at]!;
      pixels[at] = value <= 0 ? 0 : value >= 255 ? 255 : Math.round(value);
    }
  }
  return pixels;
}

/** Takes a picture of a specimen: 8-bit grey, row-major. */
export function takePicture(specimen: Specimen, optics: Optics, rng: Rng): Uint8Array {
  const raw: Field = { width: specimen.width, height: specimen.height, data: specimen.phase };
  const phase = gaussianBlur(raw, 0.6);
  const intensity = phaseContrast(phase, optics);
  if (optics.defocus !== 0) addDefocus(intensity, phase, optics.defocus);
  return expose(gaussianBlur(intensity, optics.blur), optics, rng);
}
