import { describe, expect, test } from "vitest";
import { conclude, diagnose, formatDiagnosis } from "../../cli/diagnose.js";
import { readMachine } from "../../scripts/platform.mjs";
import { type FoundAdapter, type Probe, probeAdapters } from "../../scripts/probe.mjs";

const fedora = readMachine({ os: "linux", osRelease: 'PRETTY_NAME="Fedora Linux 41"\nID=fedora\n', root: false });

const gpu: FoundAdapter = {
  name: "Radeon",
  backend: "vulkan",
  vendor: "amd",
  architecture: "rdna-3",
  device: "navi",
  description: "AMD Radeon RX 7800",
  isCpu: false,
  subgroupSize: [32, 64],
  features: ["subgroups"],
  limits: { maxStorageBufferBindingSize: 2 ** 31 - 1, maxComputeWorkgroupStorageSize: 65536 },
};
const found: Probe = { loads: true, version: "0.6.2", error: "", adapters: [gpu], messages: "Warning: harmless\n" };

describe("conclude and formatDiagnosis", () => {
  test("with a GPU: adapter, limits in readable units, features and what a missing one costs", () => {
    const diagnosis = conclude(found, fedora, {});
    expect(diagnosis).toMatchObject({ ok: true, missing: [], fix: [], notes: [], messages: "" });
    const text = formatDiagnosis(diagnosis);
    expect(text).toContain("AMD Radeon RX 7800  [default]");
    expect(text).toContain("GPU; amd, rdna-3, vulkan; subgroups of 32-64");
    expect(text).toContain("largest tensor 2047 MiB, workgroup memory 64 KiB");
    expect(text).toContain("subgroups yes, shader-f16 no (half-precision kernels)");
    expect(text).not.toContain("harmless");
    expect(text.split("\n").at(-1)).toMatch(/^ready/);
  });

  test("with software adapters only: ready, with a note", () => {
    const { ok, notes } = conclude({ ...found, adapters: [{ ...gpu, isCpu: true }] }, fedora, {
      VK_DRIVER_FILES: "/a.json",
    });
    expect(ok).toBe(true);
    expect(notes).toEqual([
      "VK_DRIVER_FILES=/a.json is set: Vulkan looks at no other drivers.",
      expect.stringContaining("Only software adapters"),
    ]);
  });

  test("without an adapter: what Dawn said and the platform's commands", () => {
    const diagnosis = conclude({ ...found, adapters: [], messages: "Warning: Found no drivers!\n" }, fedora, {});
    expect(diagnosis.missing).toEqual([expect.stringContaining("a WebGPU adapter")]);
    expect(diagnosis.fix).toContain("sudo dnf install -y mesa-vulkan-drivers vulkan-loader");
    const text = formatDiagnosis(diagnosis);
    expect(text).toContain("Found no drivers!");
    expect(text).toContain("  sudo dnf install -y mesa-vulkan-drivers vulkan-loader");
    expect(text.split("\n").at(-1)).toBe("not ready");
  });

  test("with a package that does not load: why, and no driver commands", () => {
    const error = "/lib/libm.so.6: version `GLIBC_2.35' not found";
    const diagnosis = conclude({ ...found, loads: false, version: "", error, adapters: [] }, fedora, {});
    expect(diagnosis.missing.join()).toContain("GLIBC_2.35");
    expect(diagnosis.fix.join()).toMatch(/older C or C\+\+ library/);
    expect(diagnosis.fix.join()).not.toContain("dnf");
    expect(formatDiagnosis(diagnosis)).toContain("webgpu    does not load");
  });
});

describe("on this machine", () => {
  test("finds an adapter with limits", async () => {
    const { ok, adapters, webgpu } = await diagnose();
    expect(ok).toBe(true);
    expect(webgpu.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(adapters[0]?.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(2 ** 27);
    expect(new Set(adapters.map(({ name, backend }) => `${backend} ${name}`)).size).toBe(adapters.length);
  });

  test.skipIf(process.platform !== "linux")("says so when Vulkan has no driver", async () => {
    const { ok, messages, fix } = await diagnose({ ...process.env, VK_DRIVER_FILES: "/nonexistent" });
    expect(ok).toBe(false);
    expect(messages).toContain("no drivers");
    expect(fix).toContain("unset VK_DRIVER_FILES");
  });

  test("a probe that hangs or crashes is reported, not waited for", async () => {
    const slow = await probeAdapters(process.env, 1);
    expect(slow).toMatchObject({
      adapters: [],
      error: "looking for an adapter took more than 0.001 s and was stopped",
    });
    const crash = await probeAdapters({ ...process.env, NODE_OPTIONS: "--no-such-option" });
    expect(crash.error).toMatch(/ended with exit code 9/);
  });
});
