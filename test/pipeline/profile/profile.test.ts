import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openNodeDevice } from "../../../engine/node.js";
import { fill } from "../../../engine/stream.js";
import { resolveConfig } from "../../../pipeline/config/resolve.js";
import { svgToPng } from "../../../pipeline/figures/png.js";
import { standalone } from "../../../pipeline/figures/standalone.js";
import { parseDump } from "../../../pipeline/profile/dumpShaders.js";
import {
  addSetting,
  compareProfiles,
  type ProfileDocument,
  profileForConfig,
  profileKernelFile,
  readProfile,
} from "../../../pipeline/profile/index.js";
import { headerSettings } from "../../../pipeline/profile/kernelFile.js";
import { indented, profilePage } from "../../../pipeline/profile/page.js";
import { profileStep } from "../../../pipeline/profile/profileStep.js";
import { rooflineChart } from "../../../pipeline/profile/rooflineChart.js";

const folder = mkdtempSync(join(tmpdir(), "equipoise-profile-"));
afterAll(() => rmSync(folder, { recursive: true }));
const log = { info: () => {}, warn: () => {}, progress: () => {}, confirm: async () => true };
const paths = { trace: join(folder, "t.json"), html: join(folder, "p.html"), svg: join(folder, "r.svg") };
let profile: ProfileDocument;

beforeAll(async () => {
  profile = await profileForConfig({
    config: resolveConfig({ config: "vgg19", preset: "tiny", set: ["batch=2"] }),
    classes: 3,
    step: "train",
    repeats: 2,
    tune: "off",
    ...paths,
    log,
    signal: new AbortController().signal,
  });
});

describe("a profile of a training step", () => {
  test("holds the step's times, peaks and rows", () => {
    const { times, totals, rows, roofline, subject, dispatches } = profile;
    expect(subject).toMatchObject({ step: "train", model: "vgg19", batch: 2, classes: 3 });
    for (const value of [
      times.unprofiledMs,
      times.eagerMs,
      times.capturedMs,
      times.profiledMs,
      roofline.gflops,
      roofline.gbps,
    ])
      expect(value).toBeGreaterThan(0);
    expect(times.gpuSumMs).toBeLessThanOrEqual(times.gpuSpanMs);
    expect(rows.reduce((sum, { calls }) => sum + calls, 0)).toBe(dispatches);
    expect(totals.matrixFlops).toBe(
      rows.reduce((sum, { flops, flopsKind, calls }) => sum + (flopsKind === "matrix" ? (flops ?? 0) * calls : 0), 0),
    );
    expect(rows.some(({ kernel }) => kernel.startsWith("conv2d_first_forward"))).toBe(true);
    expect(rows.some(({ kernel }) => kernel.startsWith("augment_warp"))).toBe(true);
  });

  test("is written as a trace, a page with every kernel's code, and a chart", () => {
    const { traceEvents } = JSON.parse(readFileSync(paths.trace, "utf8"));
    expect(traceEvents.filter(({ cat }: { cat?: string }) => cat === "gpu")).toHaveLength(profile.dispatches);
    const html = readFileSync(paths.html, "utf8");
    for (const { kernel, file } of profile.rows) {
      expect(html).toContain(`id="kernel-${kernel}"`);
      expect(html).toContain(file);
    }
    expect(html.match(/@compute/g)?.length).toBe(new Set(profile.rows.map(({ kernel }) => kernel)).size);
    expect(html).not.toContain("<script");
    const svg = readFileSync(paths.svg, "utf8");
    expect(svg).toMatch(/^<svg xmlns=/);
    expect(svg).not.toContain("var(");
  });

  test("reads back as it was written; anything else is refused with its name", () => {
    const file = join(folder, "a.json");
    writeFileSync(file, JSON.stringify(profile));
    expect(readProfile(file)).toEqual(profile);
    writeFileSync(file, JSON.stringify({ ...profile, version: 2 }));
    expect(() => readProfile(file)).toThrow(/a\.json: is no profile of this version \(version/);
    expect(() => readProfile(join(folder, "none.json"))).toThrow(/none\.json: cannot be read/);
  });

  test("compares with another of the same step, the largest change first", () => {
    const rows = profile.rows.map((row, i) =>
      i === 3 ? { ...row, totalMs: row.totalMs + 1000, variant: "other" } : row,
    );
    const changed = profile.rows[3] as ProfileDocument["rows"][number];
    const { rows: compared } = compareProfiles(profile, { ...profile, rows }, ["a", "b"]);
    expect(compared[0]).toMatchObject({ kernel: changed.operation ?? changed.kernel, shape: changed.shape });
    expect(compared[0]?.change).toBeCloseTo(1000, 6);
    expect(compared.slice(1).every(({ change }) => change === 0)).toBe(true);
  });

  test("refuses another adapter, another timing, another step", () => {
    const other = (change: Partial<ProfileDocument>) => () =>
      compareProfiles(profile, { ...profile, ...change }, ["a", "b"]);
    const adapter = { ...profile.adapter, device: "another" };
    expect(other({ adapter })).toThrow(
      /^a and b cannot be compared: the adapter is .*profile both on the same adapter/,
    );
    expect(other({ timing: "host" })).toThrow(/the timing is "timestamps" in the first, "host" in the second/);
    expect(other({ subject: { ...profile.subject, batch: 3 } })).toThrow(/the step is .*batch 2.*batch 3/);
  });

  test("quantised timestamps are told of", () => {
    const coarse = { ...profile, quantumNs: 65536, warnings: ["timestamps are quantised to 65.5 us"] };
    expect(compareProfiles(profile, coarse, ["a", "b"]).warnings).toEqual(["b: timestamps are quantised to 65.5 us"]);
    expect(profilePage(coarse)).toContain("quantised to 65.5 us");
  });

  test("a page escapes what it shows; a chart needs counted operations", () => {
    const rows = profile.rows.map((row) => ({ ...row, flops: null, gflops: null, intensity: null }));
    expect(rooflineChart({ ...profile, rows })).toBeNull();
    const page = profilePage({ ...profile, rows, warnings: ["<b>"] });
    expect(page).toContain("&lt;b&gt;");
    const chart = standalone(rooflineChart(profile) as never);
    expect(chart).toContain("GFLOP/s");
    expect(svgToPng(chart, { width: 450 }).length).toBeGreaterThan(3000);
  });
});

describe("warnings", () => {
  /** A step of one kernel that takes a while. */
  async function warningsOf(timing: "timestamps" | "host") {
    // As Dawn is by default: it rounds timestamps, as browsers do.
    const device = await openNodeDevice();
    try {
      const x = device.zeros([1 << 18, 4], "x");
      const compute = () => fill(device, x, 1);
      const step = { prepare: () => {}, compute, capturable: false, release: () => {} };
      return await profileStep(device, step, { repeats: 4, timing });
    } finally {
      device.close();
    }
  }

  test("timestamps that the platform rounds are found by their times", async () => {
    const { quantumNs, warnings } = await warningsOf("timestamps");
    expect(quantumNs % 65536).toBe(0);
    expect(warnings.join()).toMatch(/timestamps are quantised to [\d.]+ us: 1 of 1 rows/);
  });

  test("host timing is marked", async () => {
    const { timing, quantumNs, warnings } = await warningsOf("host");
    expect([timing, quantumNs]).toEqual(["host", 0]);
    expect(warnings.join()).toContain("no timestamp queries were used: each dispatch was run again alone");
  });
});

describe("a kernel on its own", () => {
  const file = join(folder, "scale.wgsl");
  const code = `// profile: sizes = 4096 8192; x = n; y = n; count = n / 4; flops = n
// profile: grid = ceil(n / 4 / WG); WG = 8 64
const WG: u32 = 64u;
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;
@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.count) { y[id.x] = 2.0 * x[id.x]; }
}
`;
  const ask = (settings: string[] = [], path = file) => {
    const map = new Map<string, string>();
    for (const text of settings) addSetting(map, text);
    return profileKernelFile({ file: path, sizes: null, settings: map, samples: 3 });
  };

  test("is timed over the file's sizes and constants, with its bytes and operations", async () => {
    writeFileSync(file, code);
    const { timings } = await ask();
    expect(timings.map(({ n, constants }) => [n, constants.WG])).toEqual([
      [4096, 8],
      [8192, 8],
      [4096, 64],
      [8192, 64],
    ]);
    for (const { n, bestMs, medianMs, gbps, gflops, grid, constants, bound } of timings) {
      expect(bestMs).toBeGreaterThan(0);
      expect(medianMs).toBeGreaterThanOrEqual(bestMs);
      expect(gbps).toBeCloseTo((8 * n) / bestMs / 1e6, 6);
      expect(gflops).toBeCloseTo(n / bestMs / 1e6, 6);
      expect(grid).toEqual([Math.ceil(n / 4 / Number(constants.WG)), 1, 1]);
      expect(bound).toBe("memory");
    }
  });

  test("says what is missing or wrong, with the file", async () => {
    writeFileSync(file, code);
    await expect(ask(["count=m"])).rejects.toThrow(/scale\.wgsl: "count = m" has no value; use numbers, n, /);
    await expect(ask(["cuont=n"])).rejects.toThrow(/the kernel has no "cuont" to set; it has .*count/);
    await expect(ask(["sizes=0"])).rejects.toThrow(/sizes are "0"; give whole numbers/);
    const bare = join(folder, "bare.wgsl");
    writeFileSync(bare, code.replace(/\/\/ profile.*\n/g, ""));
    await expect(ask([], bare)).rejects.toThrow(/bare\.wgsl: nothing says what params\.count is/);
    writeFileSync(bare, code.replace("2.0 *", "2.0 * nothing *"));
    await expect(ask([], bare)).rejects.toThrow(/bare\.wgsl:9:\d+: unresolved value 'nothing'/);
    await expect(ask([], join(folder, "none.wgsl"))).rejects.toThrow(/none\.wgsl: cannot be read/);
  });

  test("takes the settings of a shader of the project from its comments", async () => {
    const { timings } = await profileKernelFile({
      file: "shaders/relu_forward.wgsl",
      sizes: [4096],
      settings: new Map(),
      samples: 3,
    });
    expect(timings.map(({ n, grid }) => [n, grid])).toEqual([[4096, [1, 1, 1]]]);
  });

  test("a header is read from comments alone", () => {
    expect([...headerSettings("// profile: a = n; b = 2\nx; // not\n  // profile: c=1")]).toEqual([
      ["a", "n"],
      ["b", "2"],
      ["c", "1"],
    ]);
  });
});

test("Dawn's dump is cut into WGSL and the backend's code", () => {
  const printed =
    "info: \n// Dumped WGSL:\n\nfn a() {}\n\ninfo: \n/* Dumped SPIRV disassembly */\n; SPIR-V\ninfo: \n// Dumped WGSL:\n\nfn b() {}\ninfo: \n/* Dumped MSL */\nkernel\n";
  expect(parseDump(printed)).toEqual([
    { wgsl: "fn a() {}", backend: expect.stringContaining("; SPIR-V") },
    { wgsl: "fn b() {}", backend: "/* Dumped MSL */\nkernel" },
  ]);
});

test("shaders as the driver gets them are written, one file for each kernel and its constants", async () => {
  const out = join(folder, "dump");
  const options = {
    config: resolveConfig({ config: "vgg19", preset: "tiny", set: ["batch=2"] }),
    ...({ classes: 3, step: "predict", repeats: 1, tune: "off", log, dumpShaders: out } as const),
    signal: new AbortController().signal,
  };
  const { rows, times } = await profileForConfig(options);
  expect(times.capturedMs).toBeNull();
  const files = readdirSync(out);
  expect(files).toHaveLength(new Set(rows.map(({ kernel, constants }) => kernel + JSON.stringify(constants))).size);
  const text = readFileSync(join(out, files.find((name) => name.startsWith("max_pool_forward")) as string), "utf8");
  expect(text).toContain("OpEntryPoint GLCompute");
  expect(text).toContain("fn main(");
});

test("code without indentation is indented by its braces", () => {
  expect(indented("fn a() {\nif (x) {\ny = 1;\n} else {\ny = 2;\n}\n}\n")).toBe(
    "fn a() {\n  if (x) {\n    y = 1;\n  } else {\n    y = 2;\n  }\n}\n",
  );
});
