import { computed, type Signal, signal } from "@preact/signals";
import type { DeviceStatus } from "./worker/device.js";

/** What the sections of the page share. Each section keeps what is its own in its own folder. */

export const sections = ["find", "classify", "train", "inside"] as const;
export type Section = (typeof sections)[number];

/** The section that is shown; the address's fragment (`#train`) follows it and leads it. */
export const section: Signal<Section> = signal(sectionOf(location.hash));

/** @param hash of an address; anything unknown is the first section */
export function sectionOf(hash: string): Section {
  const name = hash.slice(1);
  return sections.find((one) => one === name) ?? "find";
}

/** An image of the visitor, or a sample, as 8-bit grey. */
export interface LoadedImage {
  readonly id: string;
  /** The file's name: shown as text, never as markup. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Row-major, one byte per pixel. */
  readonly grey: Uint8Array<ArrayBuffer>;
}

/** A box around a colony, px of its image, and what is known of it. */
export interface Colony {
  readonly imageId: string;
  /** Number within the image, from 1, as in the CLI's tables. */
  readonly number: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Pixels of the mask. */
  readonly area: number;
}

/** A network that classifies: bundled, opened from a file, or trained in this page. */
export interface LoadedNetwork {
  readonly name: string;
  readonly origin: "bundled" | "file" | "trained";
  readonly classes: readonly string[];
  /** The whole safetensors file, metadata included. */
  readonly file: Uint8Array<ArrayBuffer>;
}

export const images: Signal<readonly LoadedImage[]> = signal([]);
export const colonies: Signal<readonly Colony[]> = signal([]);
export const network: Signal<LoadedNetwork | null> = signal(null);

/** How the GPU is doing: kept by main.tsx from the worker's reports. */
export const deviceStatus: Signal<DeviceStatus> = signal({ state: "opening" });
/** The GPU can be used now. */
export const deviceReady = computed(() => deviceStatus.value.state === "ready");

/** Something that went wrong and is shown until it is dismissed. */
export interface Problem {
  readonly id: number;
  /** What was being done, as "Reading well.tif". */
  readonly doing: string;
  readonly message: string;
}

export const problems: Signal<readonly Problem[]> = signal([]);
let problemCount = 0;

/**
 * Shows an error at the top of the page.
 * @param doing what was being done, as "Reading well.tif"
 */
export function showProblem(doing: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  problems.value = [...problems.value, { id: ++problemCount, doing, message }];
}

export function dismissProblem(id: number): void {
  problems.value = problems.value.filter((problem) => problem.id !== id);
}
