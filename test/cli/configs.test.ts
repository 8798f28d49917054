import { expect, it } from "vitest";
import { namedConfigs } from "../../pipeline/config/named.js";
import { run } from "./support.js";

const facts = async () => JSON.parse((await run(["configs", "--json"])).stdout) as Record<string, unknown>[];

it("lists every named configuration with method, network, scales and source", async () => {
  const all = await facts();
  expect(all.map(({ name }) => name)).toEqual(Object.keys(namedConfigs));
  for (const one of all) {
    expect(one.source).toMatch(/\d{4}/);
    expect(one.scales).toHaveLength(String(one.network).startsWith("ms-") ? 2 : 1);
  }
});

it("has the fifteen configurations of the article's tables 2 and 5", () => {
  const compared = ["simclr", "contrastive-clustering", "simtriplet", "mpl-imbalanced", "mpl-balanced"];
  const ipb = [
    "ipb-vgg",
    "ms-ipb-vgg",
    "ml-ipb-vgg",
    "ml-ms-ipb-vgg",
    "ms-ipb-hrnet",
    "ml-ipb-hrnet",
    "ml-ms-ipb-hrnet",
  ];
  const supervised = ["vgg19", "hrnet", "ms-hrnet"];
  expect(Object.keys(namedConfigs)).toEqual(expect.arrayContaining([...supervised, ...ipb, ...compared]));
});

it("says what the article's configurations are", async () => {
  const by = new Map((await facts()).map((one) => [one.name, one]));
  expect(by.get("vgg19")).toMatchObject({ method: "supervised", network: "vgg19", balanced: null, scales: [128] });
  expect(by.get("ml-ms-ipb-hrnet")).toMatchObject({
    method: "meta-pseudo-labels",
    network: "ms-hrnet-w18",
    scales: [224, 112],
    balanced: true,
    multiLabel: true,
  });
  expect(by.get("mpl-imbalanced")).toMatchObject({ balanced: false, source: expect.stringContaining("Pham") });
  expect(by.get("mpl-balanced")).toMatchObject({ balanced: true, source: expect.stringContaining("Witmer") });
  expect(by.get("simclr")?.source).toContain("Chen");
  expect(by.get("contrastive-clustering")).toMatchObject({
    network: "hrnet-w18",
    source: expect.stringContaining("Li et"),
  });
  expect(by.get("simtriplet")).toMatchObject({ network: "hrnet-w18", source: expect.stringContaining("Liu et") });
});

it("prints a table, and `config list` the same", async () => {
  const { stdout } = await run(["configs"]);
  expect(stdout.split("\n")[0]).toMatch(/^configuration +method +network +patch \(px\) +unlabelled +source$/);
  expect(stdout).toMatch(/^ml-ms-ipb-vgg +meta-pseudo-labels +ms-vgg19 +224 \+ 112 +balanced, multi-label +Witmer/m);
  expect(stdout).toMatch(/^mpl-imbalanced +meta-pseudo-labels +hrnet-w18 +128 +as they are +Pham/m);
  expect(stdout).toMatch(/^vgg19 +supervised +vgg19 +128 +unused +Simonyan/m);
  expect((await run(["config", "list"])).stdout).toBe(stdout);
});
