import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mulberry32 } from "../../../engine/rng.js";
import { trainRun } from "../../../pipeline/run/index.js";
import { temporaryFolder, writeImage, writeImages } from "./images.js";
import { cli, KeptLog, quickConfig, trainArguments } from "./support.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder.path, ...parts);
afterAll(folder.remove);
beforeAll(() => {
  writeImages(at("data"));
});

/** A copy of the images, changed. */
function changed(name: string, change: (root: string) => void): string {
  cpSync(at("data"), at(name), { recursive: true });
  change(at(name));
  return at(name);
}

/** What `train` says when it fails: exit code 1, nothing on stdout, and nothing left behind. */
async function failure(data: string, more: readonly string[] = [], env?: NodeJS.ProcessEnv): Promise<string> {
  const out = at("out");
  const { code, stdout, stderr } = await cli([...trainArguments(data, out), ...more], env);
  expect([code, stdout], stderr).toEqual([1, ""]);
  expect(existsSync(out), "the run's folder").toBe(false);
  return stderr;
}

describe("images", () => {
  test("a damaged PNG is named before anything is trained, whatever part it is in", async () => {
    for (const image of ["Dark/3.png", "Stripes/11.png"]) {
      const data = changed(image.replace("/", "-"), (root) => {
        writeFileSync(join(root, image), readFileSync(join(root, image)).subarray(0, 900));
      });
      const stderr = await failure(data);
      expect(stderr).toContain(`error: ${join(data, image)}: the PNG is damaged or cut short`);
      expect(stderr).not.toContain("pre-training");
    }
  });

  test("a mask of another size is named with both sizes", async () => {
    mkdirSync(at("masked"));
    cpSync(at("data"), at("masked/images"), { recursive: true });
    cpSync(at("data"), at("masked/masks"), { recursive: true });
    writeImage(at("masked/masks/Round/5.png"), 0, 48, mulberry32(1));
    const stderr = await failure(at("masked"));
    const [mask, image] = [at("masked/masks/Round/5.png"), at("masked/images/Round/5.png")];
    expect(stderr).toContain(`${mask}: the mask is 48 x 48 px (width x height), but its image ${image} is 64 x 64`);
  });

  test.each<[string, (root: string) => void, string]>([
    [
      "an empty class",
      (root) => mkdirSync(join(root, "Empty")),
      "Empty: holds no images (.png, .tif, .jpg); add images or remove",
    ],
    [
      "a class of one image",
      (root) => writeImage(join(root, "Rare/0.png"), 2, 64, mulberry32(2)),
      'class "Rare" has 1 image, but each of the 4 folds needs at least one, and training and validation one each',
    ],
    [
      "only one class",
      (root) => {
        for (const name of ["Dark", "Grain", "Round"]) rmSync(join(root, name), { recursive: true });
      },
      'found only one class ("Stripes")',
    ],
    [
      "other formats",
      (root) => writeFileSync(join(root, "Dark/x.czi"), "II*"),
      "x.czi: is Zeiss CZI, which is not read here",
    ],
  ])("%s", async (name, change, message) => {
    expect(await failure(changed(name, change))).toContain(message);
  });

  test("a folder that does not exist", async () => {
    expect(await failure(at("nothing"))).toContain(`there is no folder ${at("nothing")}`);
  });

  test("no unlabelled image for a method that needs some", async () => {
    const none = `${at("data")}: there is no unlabelled image to learn from: `;
    expect(await failure(at("data"), ["--set", "data.split=labelled"])).toContain(`${none}add a folder "Unlabelled"`);
    expect(await failure(at("data"), ["--set", "data.supervisedOn=L+U"])).toContain(
      `${none}with "data.supervisedOn" L+U all labels are used: set it to L, or use --config vgg19`,
    );
  });
});

describe("configuration", () => {
  test.each([
    ["meta.treshold=0.8", 'unknown option "meta.treshold"', "meta.threshold"],
    ["batch=many", '"batch" must be', "many"],
    ["train.epochs=2.5", '"train.epochs"', "2.5"],
  ])("--set %s", async (setting, message, detail) => {
    const stderr = await failure(at("data"), ["--set", setting]);
    expect(stderr).toContain(message);
    expect(stderr).toContain(detail);
  });
});

describe("output", () => {
  test("a folder that cannot be made is named", async () => {
    writeFileSync(at("file"), "");
    const { code, stderr } = await cli(trainArguments(at("data"), at("file/run")));
    expect(code).toBe(1);
    expect(stderr).toContain(`--out ${at("file/run")}: a part of the path is a file; choose another --out`);
  });

  test("a folder with content is left alone", async () => {
    mkdirSync(at("used"));
    writeFileSync(at("used/notes.txt"), "mine");
    const { code, stderr } = await cli(trainArguments(at("data"), at("used")));
    expect(code).toBe(1);
    expect(stderr).toContain(`--out ${at("used")}: the folder is not empty`);
    expect(readdirSync(at("used"))).toEqual(["notes.txt"]);
  });
});

describe("adapter", () => {
  test("none at all: the message names the way to the fix", async () => {
    const env = { VK_DRIVER_FILES: "/nonexistent", VK_ICD_FILENAMES: "/nonexistent", EQUIPOISE_NO_INSTALL: "1" };
    const stderr = await failure(at("data"), [], env);
    expect(stderr).toContain("error: no WebGPU adapter found: run `equipoise doctor` for the reason and the fix");
  });

  test("none of the name asked for: the message lists those there are", async () => {
    expect(await failure(at("data"), ["--adapter", "none such"])).toMatch(
      /no WebGPU adapter matches "none such"; found: \S+/,
    );
  });

  test("a batch that it cannot bind is refused before training, with sizes, limit and the batch that fits", async () => {
    // More than any adapter binds; 12 MiB for each labelled patch, which is there three times.
    const settings = ["width=1", "batch=8192", "patch.size=128"].flatMap((text) => ["--set", text]);
    const stderr = await failure(at("data"), settings);
    const pattern =
      /batch is 8192: vgg19 at 128 px, width 1 and 4 classes needs a tensor of 98304 MiB \(24576 patches in one pass\), this adapter binds at most (\d+) MiB: use --set batch=(\d+) or less/;
    const [, limit, fits] = pattern.exec(stderr) ?? expect.fail(stderr);
    expect(Number(fits)).toBe(Math.floor(Number(limit) / 12));
    expect(stderr).not.toContain("checking the images");
  });
});

describe("numbers that are not finite", () => {
  const train = (out: string, set: string[], config = "ipb-vgg") =>
    trainRun({
      config: quickConfig({ config, set }),
      dataRoot: at("data"),
      out: at(out),
      yes: false,
      log: new KeptLog(),
      signal: new AbortController().signal,
    });

  test("stop the run, with step, learning rate and what there is to go back to", async () => {
    const constant = ["pretrain.schedule=constant", "pretrain.warmup=0"];
    const message = await train("early", ["pretrain.lr=1e30", ...constant]).catch((error: Error) => error.message);
    expect(message).toMatch(
      /^pre-training the teacher: .* at step [123] of 6 \(pretrain\.lr 1\.00e\+30\)\. There is no checkpoint yet\. Start again with a lower learning rate/,
    );
  });

  test("name the last good checkpoint", async () => {
    const set = ["train.studentLr=1e30", "train.studentWarmup=0"];
    const message = await train("late", set).catch((error: Error) => error.message);
    const file = at("late/checkpoint/checkpoint.safetensors");
    expect(message).toContain("training teacher and student: ");
    expect(message).toMatch(/ at step [123] of 6 \(studentLr 1\.00e\+30, teacherLr /);
    expect(message).toContain(`The last good checkpoint is ${file} (pre-training the teacher, after step 6 of 6)`);
  });

  test("are noticed in weights and probabilities too, where the loss of the last step was finite", async () => {
    const set = ["pretrain.lr=1e6", "pretrain.maxSteps=1"];
    const message = await train("last", set, "vgg19").catch((error: Error) => error.message);
    expect(message).toMatch(
      /^training on the labels: a (weight|probability) of the \S+( part)? became \S+ at step 1 of 1 \(pretrain\.lr 1\.00e\+6\)/,
    );
  });
});
