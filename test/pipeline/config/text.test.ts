import { describe, expect, test } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { resolveConfig } from "../../../pipeline/config/resolve.js";
import { parseConfig } from "../../../pipeline/config/stored.js";
import { configToYaml } from "../../../pipeline/config/text.js";
import { file } from "./support.js";

describe("text", () => {
  test("the YAML of a configuration reads back to the same configuration, explained or not", () => {
    for (const explain of [false, true]) {
      const config = resolveConfig({
        config: "ml-ms-ipb-vgg",
        recipe: "small-data",
        seed: 7,
        set: ["meta.temperature=3"],
      });
      const path = file("shown.yaml", configToYaml(config, { explain }));
      expect(resolveConfig({ config: path })).toEqual(config);
    }
  });

  test("explained YAML has the description of every option above it", () => {
    const text = configToYaml(resolveConfig(), { explain: true });
    expect(text).toMatch(/# L2 weight decay[^\n]*\n {4}weightDecay: 0.0001/);
    expect(text).toMatch(/# seed of every random choice\nseed: 0/);
  });

  test("a run's config.json is checked on the way back", () => {
    const config = resolveConfig();
    expect(parseConfig(JSON.parse(JSON.stringify(config)), "run/config.json")).toEqual(config);
    const { batch: _, ...rest } = config;
    expect(() => parseConfig(rest, "run/config.json")).toThrow('run/config.json: option "batch" is missing');
    expect(() => parseConfig({ ...config, bach: 3 }, "run/config.json")).toThrow(
      'run/config.json: unknown option "bach"; did you mean "batch"?',
    );
    expect(() => parseConfig([], "run/config.json")).toThrow(UserError);
  });
});
