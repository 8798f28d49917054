import { expect, test } from "vitest";
import { again } from "../../demo/web/shared/again.js";
import { GpuError, UserError } from "../../engine/index.js";

/** Work that fails with these errors, one after another, and then succeeds. */
function failing(...errors: Error[]) {
  let calls = 0;
  const work = async () => {
    const error = errors[calls++];
    if (error) throw error;
    return calls;
  };
  return work;
}
const lost = new GpuError("device-lost", "the GPU device was lost");

test("what fails because the GPU is lost is done once more, and only then", async () => {
  expect(await again(failing())).toBe(1);
  expect(await again(failing(lost))).toBe(2);
  await expect(again(failing(lost, lost))).rejects.toBe(lost);
  await expect(again(failing(new UserError("x.png: damaged")))).rejects.toThrow("x.png: damaged");
});
