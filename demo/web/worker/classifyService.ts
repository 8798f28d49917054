import { transfer } from "comlink";
import { type Device, UserError } from "../../../engine/index.js";
import { type Network, summarizeModel } from "../../../models/index.js";
import { type ClassMap, classMap, defaultStride } from "../../../pipeline/classMap/classMap.js";
import { classify, softmaxOf } from "../../../pipeline/run/classify.js";
import { modelOf } from "../../../pipeline/run/limits.js";
import type { Workspace } from "../../../pipeline/run/workspace.js";
import { type ConfigText, readWeights, type Weights, type WeightsTest } from "../../../pipeline/weights.js";
import type { DeviceProvider } from "./device.js";
import type { TrainImage } from "./train/images.js";
import { pageWorkspace } from "./train/training.js";

/** What is known of a network before it has classified anything. */
export interface NetworkFacts {
  readonly classes: readonly string[];
  readonly model: string;
  readonly parameters: number;
  /** Side of a patch, px. */
  readonly patch: number;
  /** The file, bytes. */
  readonly bytes: number;
  /** How it did on the test part of its run; null: the file does not say. */
  readonly test: WeightsTest | null;
}

/** The class map of a colony, as `equipoise classmap` makes it. */
export type ColonyMap = ClassMap & { readonly labels: Uint8Array<ArrayBuffer> };

type OnProgress = (done: number, total: number) => void;

/** The worker's part of the section Classify: one network at a time. */
export class ClassifyService {
  private weights: Weights | null = null;
  private stop = new AbortController();

  constructor(protected readonly devices: DeviceProvider) {}

  /**
   * Reads a network; it classifies from now on.
   * @param beside the run's config.json, for files that do not carry it
   * @throws UserError if the file is no network of equipoise's, or its tensors do not fit the network that it names
   */
  async load(bytes: Uint8Array, name: string, beside?: ConfigText): Promise<NetworkFacts> {
    const weights = readWeights(bytes, name, beside);
    const { classes, config, model, test } = weights;
    await this.devices.useTuned((device) => withNetwork(device, weights, [], async () => {}, name));
    this.weights = weights;
    const { parameters } = summarizeModel({ ...modelOf(config), classes: classes.length });
    return { classes, model, parameters, patch: config.patch.size, bytes: bytes.length, test };
  }

  /**
   * Class probabilities of colonies, as `equipoise predict`: their masks are not looked at.
   * @param patches averaged per colony; 1: the central one
   */
  async classify(
    colonies: readonly TrainImage[],
    patches: number,
    onProgress: OnProgress,
  ): Promise<readonly Float32Array[]> {
    const weights = this.network();
    const { signal } = this.newWork();
    const all = colonies.map((_, i) => i);
    return this.devices.useTuned((device) =>
      withNetwork(device, weights, colonies, (ws, network) =>
        classify(ws, network, all, { patches, signal, onProgress }),
      ),
    );
  }

  /** Which part of a colony is what. @param stride px between neighbouring patches; null: a quarter of the patch */
  async map({ image, mask }: TrainImage, stride: number | null, onProgress: OnProgress): Promise<ColonyMap> {
    const weights = this.network();
    const { size, minForeground } = weights.config.patch;
    const { signal } = this.newWork();
    const map = await this.devices.useTuned((device) =>
      withNetwork(device, weights, [], (ws, network) => {
        const options = { classes: ws.classes.length, size, stride: stride ?? defaultStride(size), minForeground };
        let done = 0;
        return classMap(image, mask, { ...options, batch: ws.views, signal }, async (patches) => {
          const rows = await softmaxOf(ws, network, patches);
          done += patches.length;
          onProgress(done, 0);
          return rows;
        });
      }),
    );
    const labels = new Uint8Array(map.labels);
    return transfer({ ...map, labels }, [labels.buffer]);
  }

  /** Ends what is going on: it rejects. */
  cancel(): void {
    this.stop.abort(new UserError("stopped"));
  }

  private network(): Weights {
    if (this.weights) return this.weights;
    throw new UserError("there is no network yet: choose one");
  }

  private newWork(): AbortController {
    this.stop = new AbortController();
    return this.stop;
  }
}

/** The network lives as long as the work: what is lost with a device is made again with the next. */
async function withNetwork<T>(
  device: Device,
  { tensors, config, classes }: Weights,
  images: readonly TrainImage[],
  work: (ws: Workspace, network: Network) => Promise<T>,
  source = "the network",
): Promise<T> {
  const ws = pageWorkspace(device, config, classes, images, false);
  const network = ws.network("student");
  try {
    network.loadStateDict(tensors, source);
    return await work(ws, network);
  } finally {
    network.release();
    await ws.release();
  }
}
