import { describe, expect, test } from "vitest";
import { type RawTensor, writeSafetensors } from "../../models/index.js";
import { resolveConfig } from "../../pipeline/config/resolve.js";
import { readWeights, weightsMetadata } from "../../pipeline/weights.js";

const config = resolveConfig({ config: "ipb-vgg", preset: "tiny", set: ["data.labels=/home/me/labels.csv"] });
const classes = ["Debris", "Diff, late", 'Spr"ead'];
const tensors = new Map<string, RawTensor>([["w", { dtype: "F32", shape: [2], data: Float32Array.of(1, -2) }]]);
const file = (metadata: Record<string, string>) => writeSafetensors(tensors, metadata);

describe("the metadata of weights", () => {
  test("are all that is needed to use them: classes, configuration, and how they did", () => {
    const metadata = weightsMetadata(config, classes, { images: 47, balancedAccuracy: 0.742 });
    const read = readWeights(file(metadata), "student.safetensors");
    expect(read.classes).toEqual(classes);
    expect(read.model).toBe("vgg19");
    expect(read.config).toEqual({ ...config, data: { ...config.data, labels: null } });
    expect(read.test).toEqual({ images: 47, balancedAccuracy: 0.742 });
    expect(read.tensors.get("w")?.data).toEqual(Float32Array.of(1, -2));
  });

  test("hold no path of the machine", () => {
    expect(JSON.stringify(weightsMetadata(config, classes))).not.toContain("/home/me");
  });

  test("of a run of another version: options that it lacks are filled in, and such as it has more are passed over", () => {
    const { contrastive: _contrastive, ...older } = config;
    const metadata = { ...weightsMetadata(config, classes), config: JSON.stringify({ ...older, later: 1 }) };
    expect(readWeights(file(metadata), "w").config.contrastive).toEqual(config.contrastive);
  });

  test("without the configuration, the run's config.json does it", () => {
    const { config: text = "", ...old } = weightsMetadata(config, classes);
    expect(() => readWeights(file(old), "old.safetensors")).toThrow(/old.safetensors: does not hold.*config\.json/);
    expect(readWeights(file(old), "old.safetensors", { name: "config.json", text }).config.width).toBe(config.width);
    const broken = { name: "config.json", text: "{" };
    expect(() => readWeights(file(old), "old.safetensors", broken)).toThrow(/^config.json: .*no JSON object/);
  });

  test("that are wrong are told", () => {
    const metadata = weightsMetadata(config, classes);
    expect(() => readWeights(file({ ...metadata, classes: "[]" }), "w")).toThrow(/does not name its classes/);
    const wide = { ...metadata, config: JSON.stringify({ ...config, width: -1 }) };
    expect(() => readWeights(file(wide), "w")).toThrow(/w: option "width"/);
    const odd = { ...metadata, config: JSON.stringify({ ...config, patch: { ...config.patch, size: 65 } }) };
    expect(() => readWeights(file(odd), "w")).toThrow(/"patch.size": vgg19 takes a size that is a multiple of 64/);
  });
});
