import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readSafetensors, toFloat32 } from "../../../models/index.js";
import { importPth } from "../../../pipeline/checkpoints/importPth.js";
import { type PickleHooks, readPickle } from "../../../pipeline/checkpoints/pickle.js";
import { readTorchFile, type TorchTensor } from "../../../pipeline/checkpoints/torchFile.js";
import { run } from "../../cli/support.js";
import { readFixture, readFixtureTensors } from "../../support/oracle.js";
import { temporaryFolder } from "../run/images.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(folder.remove);

const fixture = (name: string) => join("test/fixtures/pth", name);
const imported = async (...args: string[]) => {
  const outcome = await run(["import", "pth", ...args, "--out", at("out.safetensors")], { importPth });
  return { ...outcome, tensors: outcome.code === 0 ? readSafetensors(readFileSync(at("out.safetensors"))) : null };
};

describe("a checkpoint of PyTorch becomes safetensors", () => {
  test.each([
    ["checkpoint.pth.tar", "student", ["--part", "student"]],
    ["checkpoint.pth.tar", "student", []],
    ["checkpoint.pth.tar", "teacher", ["--part", "teacher"]],
    ["protocol4.pth", "teacher", ["--part", "teacher"]],
  ])("%s: the %s's tensors, bit for bit and in order", async (file, part, args) => {
    const { tensors, stdout } = await imported(fixture(file), ...args);
    const expected = readFixtureTensors(`pth/${part}.safetensors`);
    expect([...(tensors ?? [])]).toEqual([...expected]);
    expect(tensors?.get("1.num_batches_tracked")).toMatchObject({ dtype: "I64", shape: [] });
    expect(stdout).toContain(`${expected.size} tensors`);
  });

  test("views, types and parameters", () => {
    const content = readTorchFile(readFixture("pth/kinds.pth"), "kinds.pth") as Map<string, TorchTensor>;
    const tensor = (name: string) => (content.get(name) as TorchTensor).raw;
    const values = (name: string) => [tensor(name).dtype, tensor(name).shape, [...toFloat32(tensor(name))]];
    const transposed: number[] = [];
    for (let k = 0; k < 4; k++)
      for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) transposed.push(12 * i + 4 * j + k);
    expect(values("transposed")).toEqual(["F32", [4, 2, 3], transposed]);
    expect(values("window")).toEqual(["F32", [2, 2], [17, 18, 21, 22]]);
    expect(tensor("scalar")).toEqual({ dtype: "I64", shape: [], data: BigInt64Array.of(7n) });
    expect(values("half")).toEqual(["F16", [2], [1.5, -2]]);
    expect(values("bfloat")).toEqual(["BF16", [2], [1.5, -2]]);
    expect(tensor("double")).toEqual({ dtype: "F64", shape: [1], data: Float64Array.of(1 / 3) });
    expect(values("bool")).toEqual(["BOOL", [2], [1, 0]]);
    expect(values("empty")).toEqual(["F32", [0, 3], []]);
    expect(values("parameter")).toEqual(["F32", [2], [4, 5]]);
  });

  test("the rest of a checkpoint is read as well: numbers, texts, containers", () => {
    const content = readTorchFile(readFixture("pth/checkpoint.pth.tar"), "c") as Map<string, unknown>;
    expect(content.get("step")).toBe(70000);
    expect(content.get("best_top1")).toBe(61.25);
    expect(content.get("name")).toBe("small");
    expect(content.get("flags")).toEqual([true, false, -3, 2 ** 40]);
    expect((content.get("student_optimizer") as Map<string, unknown>).get("param_groups")).toHaveLength(1);
  });
});

describe("everything else is refused", () => {
  test.each([
    ["evil.pth", 'it names "posix.system", which is no tensor'],
    ["numpy.pth", 'it names "numpy.core.multiarray.scalar"'],
    ["module.pth", 'it names "torch.nn.modules.container.Sequential"'],
    ["legacy.pth", "in the format from before PyTorch 1.6, which is not read. Convert it"],
    ["expanded.pth", "storage 0 is missing or too short"],
    ["no_tensors.pth", 'entry "lr" is no tensor; the file has lr, weights'],
    ["student.safetensors", "no checkpoint of PyTorch: neither a zip archive nor a pickle"],
  ])("%s", async (file, message) => {
    const { code, stderr } = await imported(fixture(file));
    expect([code, stderr]).toEqual([1, expect.stringContaining(`error: test/fixtures/pth/${file}: `)]);
    expect(stderr).toContain(message);
    expect(existsSync("equipoise-was-here")).toBe(false);
  });

  test("a part that is not there, a file that is not there, a cut file", async () => {
    expect((await imported(fixture("kinds.pth"), "--part", "teacher")).stderr).toContain('has no "teacher_state_dict"');
    expect((await imported("nowhere.pth")).stderr).toContain("nowhere.pth: cannot be read");
    const whole = readFixture("pth/checkpoint.pth.tar");
    writeFileSync(at("cut.pth"), whole.subarray(0, whole.length / 2));
    expect((await imported(at("cut.pth"))).stderr).toContain("a damaged zip archive");
  });

  test.each([
    [
      "a call that is hidden behind a memo",
      [0x63, ..."os\nsystem\n".split("").map((c) => c.charCodeAt(0)), 0x2e],
      "os.system",
    ],
    ["an opcode that makes objects (INST)", [0x28, 0x69, 0x2e], "opcode 0x69 at byte 1"],
    ["NEWOBJ", [0x80, 2, 0x29, 0x29, 0x81, 0x2e], "opcode 0x81 at byte 4"],
    ["an extension registry", [0x80, 2, 0x82, 1, 0x2e], "opcode 0x82 at byte 2"],
    ["an empty stack", [0x80, 2, 0x2e], "the stack is empty"],
    ["a text that is longer than the file", [0x58, 0xff, 0xff, 0xff, 0x7f], "it ends early"],
    ["a call of a text", [0x58, 1, 0, 0, 0, 0x61, 0x29, 0x52, 0x2e], "a call of something that is no function"],
    ["attributes of a list", [0x5d, 0x7d, 0x62, 0x2e], "attributes of something that is no dict"],
  ])("a pickle with %s", (_, bytes, message) => {
    const hooks: PickleHooks = {
      global: (name) => {
        throw new Error(`refused ${name}`);
      },
      call: () => null,
      load: () => null,
    };
    expect(() => readPickle(Uint8Array.from(bytes), hooks)).toThrow(message);
  });
});
