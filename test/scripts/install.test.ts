import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkNode, install, isInstalled, npmCommand } from "../../scripts/install.mjs";

const HERE = { os: [process.platform], cpu: [process.arch] };
const PACKAGES = {
  "": { version: "1.0.0" },
  "node_modules/a": { version: "1.2.3", integrity: "sha512-a" },
  "node_modules/native-here": { version: "1.0.0", integrity: "sha512-n", optional: true, ...HERE },
  "node_modules/native-elsewhere": {
    version: "1.0.0",
    integrity: "sha512-e",
    optional: true,
    os: ["aix"],
    cpu: ["ppc64"],
  },
  "node_modules/of-elsewhere": { version: "1.0.0", integrity: "sha512-o", optional: true },
};

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-install-"));
  mkdirSync(join(root, "node_modules"));
  writeLock("package-lock.json", PACKAGES);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function writeLock(file: string, packages: object): void {
  writeFileSync(join(root, file), JSON.stringify({ lockfileVersion: 3, packages }));
}

/** node_modules as npm leaves it: without the packages of other platforms. */
function installed(changes: object = {}): void {
  const { "": _, "node_modules/native-elsewhere": __, "node_modules/of-elsewhere": ___, ...packages } = PACKAGES;
  writeLock("node_modules/.package-lock.json", { ...packages, ...changes });
}

describe("isInstalled", () => {
  test("is false without packages, or when npm did not finish", () => {
    expect(isInstalled(root)).toBe(false);
    writeFileSync(join(root, "node_modules/.package-lock.json"), '{"packages": {"node_modules/a"');
    expect(isInstalled(root)).toBe(false);
  });

  test("takes over an installation made by hand", () => {
    installed();
    expect(isInstalled(root)).toBe(true);
  });

  test.each([
    ["another version", { "node_modules/a": { version: "1.2.4", integrity: "sha512-a" } }],
    ["another content", { "node_modules/a": { version: "1.2.3", integrity: "sha512-b" } }],
    ["a missing package", { "node_modules/a": undefined }],
    ["a missing package of this platform", { "node_modules/native-here": undefined }],
  ])("is false with %s", (_, change) => {
    installed(change);
    expect(isInstalled(root)).toBe(false);
  });

  test("is false once the lock file has changed", () => {
    installed();
    expect(isInstalled(root)).toBe(true);
    writeLock("package-lock.json", { ...PACKAGES, "node_modules/b": { version: "1.0.0", integrity: "sha512-b" } });
    expect(isInstalled(root)).toBe(false);
  });

  test("goes by packages, not by the bytes of the lock file; but by the Node it was made for", () => {
    installed();
    expect(isInstalled(root)).toBe(true);
    writeLock("package-lock.json", { ...PACKAGES, "": { version: "1.0.1" } });
    expect(isInstalled(root)).toBe(true);
    const stamp = join(root, "node_modules/.equipoise-installed");
    writeFileSync(stamp, readFileSync(stamp, "utf8").replace(/node-abi-\d+/, "node-abi-1"));
    expect(isInstalled(root)).toBe(false);
  });

  test("says what to do without a lock file", () => {
    installed();
    rmSync(join(root, "package-lock.json"));
    expect(() => isInstalled(root)).toThrow(/package-lock\.json is missing: restore it/);
  });
});

test("a failing npm ci is reported with its output, and is not taken for an installation", async () => {
  writeFileSync(join(root, "package.json"), JSON.stringify({ name: "x", dependencies: { a: "file:./nowhere" } }));
  await expect(install(root)).rejects.toThrow(/npm ci failed with exit code 1[\s\S]*in sync/);
  expect(isInstalled(root)).toBe(false);
});

test("checkNode names the version and the ones that do", () => {
  for (const version of ["20.19.0", "22.12.0", "24.0.0"]) expect(() => checkNode(version)).not.toThrow();
  for (const version of ["18.20.0", "20.18.1", "21.7.0", "22.11.0"]) {
    expect(() => checkNode(version)).toThrow(`Node ${version} is too old`);
  }
});

test("npmCommand is the npm that runs the script, never another package manager", () => {
  expect(npmCommand({ npm_execpath: "/usr/lib/node_modules/npm/bin/npm-cli.js" })).toEqual([
    process.execPath,
    "/usr/lib/node_modules/npm/bin/npm-cli.js",
  ]);
  expect(npmCommand({ npm_execpath: "/usr/lib/yarn.js" }).join(" ")).not.toContain("yarn");
});
