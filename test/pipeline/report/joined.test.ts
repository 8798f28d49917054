import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeReports } from "../../../pipeline/report/index.js";
import { type FinishedRunOptions, writeFinishedRun } from "../../support/fakeRuns.js";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-joined-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const counts = { L: [6, 3, 1], validation: [2, 1, 1], U: [60, 30, 10], T: [6, 3, 1] };
function add(name: string, options: FinishedRunOptions): string {
  const folder = join(root, name);
  writeFinishedRun(folder, { epochs: 4, counts, ...options });
  return folder;
}

function section(page: string, id: string): string {
  const start = page.indexOf(`<section id="${id}">`);
  expect(start, `section ${id}`).toBeGreaterThan(0);
  return page.slice(start, page.indexOf("</section>", start));
}

/** Cells of the first row that begins with a text. */
function row(part: string, begin: string): string[] {
  const found = part.match(/<tr>.*?<\/tr>/gs)?.find((line) => line.includes(`<th scope="row">${begin}`)) ?? "";
  return [...found.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => cell!);
}

describe("joined report", () => {
  it("of 100 runs is one page of bounded size, made in seconds", async () => {
    const configs = ["vgg19", "ipb-vgg", "ms-ipb-vgg", "ml-ipb-vgg", "mpl-imbalanced"];
    for (const [i, config] of configs.entries())
      for (let seed = 0; seed < 20; seed++)
        add(`${config}-${seed}`, {
          request: { config, seed },
          skill: 1 + i / 4,
          epochs: 20,
          steps: 20,
          ...(i > 0 && { teacher: {} }),
        });
    const began = Date.now();
    const file = await writeReports([root]);
    const seconds = (Date.now() - began) / 1000;
    expect(file).toBe(join(root, "report.html"));
    const page = readFileSync(file, "utf8");
    expect(page.length).toBeLessThan(2e6);
    expect(page).not.toMatch(/<script|undefined|NaN|https?:\/\/(?!www\.w3\.org)/);
    expect(section(page, "runs").match(/<tr><th scope="row">/g)).toHaveLength(100);
    expect(section(page, "result")).toContain("<b>");
    // A loaded machine takes several times as long as a quiet one.
    expect(seconds).toBeLessThan(30);
  }, 120_000);

  it("calls runs of an experiment as its plan does, in tables, figures and options", async () => {
    const settings = { loose: "0.5", strict: "0.9" };
    const runs = Object.entries(settings).flatMap(([name, threshold]) =>
      [0, 1].map((seed) => {
        const id = `ipb-vgg-${name}-${seed}`;
        add(id, { request: { config: "ipb-vgg", seed, set: [`meta.threshold=${threshold}`] }, teacher: {} });
        return { id, label: `ipb-vgg ${name}` };
      }),
    );
    writeFileSync(join(root, "experiment.json"), JSON.stringify({ name: "thresholds", runs }));
    const page = readFileSync(await writeReports([root], { against: "ipb-vgg loose" }), "utf8");
    expect(row(section(page, "result"), "ipb-vgg strict").slice(0, 2)).toEqual(["ipb-vgg strict", "2"]);
    expect(row(section(page, "tests"), "ipb-vgg strict")[1]).toBe("ipb-vgg loose");
    expect(section(page, "figures")).toContain(">ipb-vgg strict</text>");
    expect(section(page, "configurations")).toContain('<th scope="col" class="word">ipb-vgg loose</th>');
    expect(page).not.toContain("meta.threshold=");
  });

  it("shows tables, tests, figures, differences and environment", async () => {
    for (const seed of [0, 1, 2]) {
      add(`v${seed}`, { request: { config: "vgg19", seed }, student: { balancedAccuracy: 0.5 + seed / 50 } });
      const student = { balancedAccuracy: 0.7 + seed / 40 };
      add(`i${seed}`, { request: { config: "ipb-vgg", seed }, student, teacher: { balancedAccuracy: 0.625 } });
    }
    const page = readFileSync(await writeReports([root]), "utf8");
    expect(row(section(page, "result"), "ipb-vgg").slice(0, 3)).toEqual(["ipb-vgg", "3", "<b>0.7250 (0.0250)</b>"]);
    expect(row(section(page, "tests"), "ipb-vgg").slice(0, 5)).toEqual([
      ...["ipb-vgg", "vgg19", "balanced accuracy", "+0.2050", "3"],
    ]);
    const figures = section(page, "figures");
    for (const number of [2, 6, 7]) expect(figures).toContain(`<figure id="figure-${number}">`);
    expect(figures).toMatch(/Figure 8 \(Accuracy over the labelled fraction\): all finished runs/);
    expect(row(section(page, "configurations"), "method")).toEqual(["method", "meta-pseudo-labels", "supervised"]);
    expect(section(page, "configurations")).not.toMatch(/<th scope="row">seed/);
    expect(row(section(page, "runs"), "i0")).toEqual([
      ...["i0", "ipb-vgg", "0", "0", "tested", "70.0\u00a0%"],
      ...[expect.stringContaining("%"), "62.5\u00a0%", "13 s"],
    ]);
    expect(section(page, "environment")).toContain("v20.0.0");
    expect(page).toContain("6 runs of 2 configurations");
  });

  it("lists runs that have not finished or cannot be read, links reports, and escapes what files say", async () => {
    const classes = ["<img src=x>", "b & c"];
    const own = { L: [1, 1], validation: [1, 1], U: [1, 1], T: [1, 1] };
    const finished = add("a b", { request: { config: "vgg19", seed: 0 }, classes, counts: own });
    writeFileSync(join(finished, "report.html"), "");
    const started = add("started", { request: { config: "vgg19", seed: 1 }, classes, counts: own });
    rmSync(join(started, "result.json"));
    mkdirSync(join(root, "broken"));
    writeFileSync(join(root, "broken", "config.json"), "{");
    const page = readFileSync(await writeReports([root]), "utf8");
    expect(page).not.toContain("<img src=x>");
    expect(page).toContain("2 runs of 1 configuration, 1 tested, 1 unreadable");
    const runs = section(page, "runs");
    expect(runs).toContain('<a href="a%20b/report.html">a b</a>');
    expect(row(runs, "started")[4]).toBe("not finished");
    expect(runs).toMatch(/<li>broken: .*config\.json: cannot be read/);
    expect(section(page, "tests")).toContain("There is only one configuration");
  });

  it("gives the share of a gap", async () => {
    for (const seed of [0, 1, 2])
      for (const [i, config] of ["vgg19", "ipb-vgg", "hrnet"].entries())
        add(`${config}${seed}`, {
          request: { config, seed },
          student: { balancedAccuracy: 0.5 + i / 10 + (seed * i) / 100 },
        });
    const out = join(root, "all.html");
    const page = readFileSync(await writeReports([root], { out, gap: ["vgg19", "hrnet"] }), "utf8");
    const gap = section(page, "tests");
    expect(gap).toContain("Share of the gap from vgg19 to hrnet that is closed");
    expect(row(gap, "ipb-vgg").slice(1, 4)).toEqual(["balanced accuracy", "3", "50 %"]);
  });

  it("is made only where it is clear what is meant", async () => {
    const one = add("one", { request: { config: "vgg19", seed: 0 } });
    const two = add("two", { request: { config: "vgg19", seed: 1 } });
    expect(await writeReports([one])).toBe(join(one, "report.html"));
    await expect(writeReports([one, two])).rejects.toThrow("a report of several folders needs a name: add --out");
    await expect(writeReports([join(root, "none")])).rejects.toThrow("no run folder");
    const out = join(root, "no", "r.html");
    await expect(writeReports([one, two], { out })).rejects.toThrow("the report cannot be written");
    add("three", { request: { config: "vgg19", seed: 1 } });
    await expect(writeReports([root])).rejects.toThrow(/both are vgg19, fold 0, seed 1; give only one/);
  });
});
