import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { noAdapterMessage, whyNotInstall } from "../../scripts/driver.mjs";
import { driverCommands, loadFix, readMachine } from "../../scripts/platform.mjs";

const DEBIAN_12 =
  'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n';
const linux = (osRelease: string, root = true) => readMachine({ os: "linux", osRelease, root });
const nothing = { loads: true, version: "0.6.2", error: "", adapters: [], messages: "" };

describe("readMachine", () => {
  test("reads os-release", () => {
    expect(linux(DEBIAN_12)).toMatchObject({ distro: "debian", version: 12, codename: "bookworm", root: true });
    expect(linux("ID=linuxmint\nID_LIKE='ubuntu debian'\n").family).toEqual(["linuxmint", "ubuntu", "debian"]);
    expect(linux("ID=arch\n").version).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("whyNotInstall", () => {
  const why = (machine = linux(DEBIAN_12), env = {}, probe = nothing) => whyNotInstall(probe, machine, env);

  test("allows root on Debian and Ubuntu", () => {
    expect(why()).toBeNull();
    expect(why(linux('ID=ubuntu\nVERSION_ID="24.04"\n'))).toBeNull();
    expect(why(linux("ID=debian\nVERSION_CODENAME=trixie\n"))).toBeNull();
  });

  test.each([
    [
      "EQUIPOISE_NO_INSTALL=1",
      why(linux(DEBIAN_12), { EQUIPOISE_NO_INSTALL: "1" }),
      /EQUIPOISE_NO_INSTALL.*nothing was changed/,
    ],
    ["another user than root", why(linux(DEBIAN_12, false)), /needs root/],
    ["another distribution", why(linux("ID=fedora\n")), /^$/],
    ["a derivative", why(linux("ID=linuxmint\nID_LIKE=ubuntu\n")), /^$/],
    ["macOS", why(readMachine({ os: "darwin", root: true })), /^$/],
    ["Debian 11", why(linux('PRETTY_NAME="Debian 11"\nID=debian\nVERSION_ID="11"\n')), /too old/],
    [
      "drivers chosen by hand",
      why(linux(DEBIAN_12), { VK_DRIVER_FILES: "/x.json" }),
      /VK_DRIVER_FILES=\/x\.json is set/,
    ],
    ["a webgpu package that does not load", why(linux(DEBIAN_12), {}, { ...nothing, loads: false }), /does not load/],
  ])("refuses %s", (_, reason, pattern) => {
    expect(reason).toMatch(pattern);
  });
});

describe("driverCommands", () => {
  const commands = (osRelease: string, root = false) => driverCommands(linux(osRelease, root)).slice(1);

  test.each([
    [
      "Ubuntu",
      "ID=ubuntu\nVERSION_ID=24.04\n",
      "sudo apt-get install -y --no-install-recommends mesa-vulkan-drivers libvulkan1",
    ],
    [
      "Mint",
      "ID=linuxmint\nID_LIKE=ubuntu\n",
      "sudo apt-get install -y --no-install-recommends mesa-vulkan-drivers libvulkan1",
    ],
    [
      "Debian 13",
      "ID=debian\nVERSION_ID=13\n",
      "sudo apt-get install -y --no-install-recommends mesa-vulkan-drivers libvulkan1",
    ],
    ["Fedora", "ID=fedora\nVERSION_ID=41\n", "sudo dnf install -y mesa-vulkan-drivers vulkan-loader"],
    ["Rocky", 'ID=rocky\nID_LIKE="rhel centos fedora"\n', "sudo dnf install -y mesa-vulkan-drivers vulkan-loader"],
    ["Arch", "ID=arch\n", "sudo pacman -S --needed vulkan-swrast vulkan-icd-loader"],
    ["Manjaro", "ID=manjaro\nID_LIKE=arch\n", "sudo pacman -S --needed vulkan-swrast vulkan-icd-loader"],
  ])("%s", (_, osRelease, last) => {
    expect(commands(osRelease).at(-1)).toBe(last);
  });

  test("Debian 12 takes the driver from its backports; root needs no sudo", () => {
    expect(commands(DEBIAN_12)).toEqual([
      `echo "deb $(apt-get indextargets --format '$(REPO_URI)' | head -n 1) bookworm-backports main" | sudo tee /etc/apt/sources.list.d/bookworm-backports.list`,
      "sudo apt-get update",
      "sudo apt-get install -y --no-install-recommends -t bookworm-backports mesa-vulkan-drivers libvulkan1",
    ]);
    expect(commands(DEBIAN_12, true).join("\n")).not.toContain("sudo");
  });

  test("a release without a Mesa that Dawn accepts is told so, without commands that would not help", () => {
    for (const osRelease of ["ID=debian\nVERSION_ID=11\n", "ID=ubuntu\nVERSION_ID=20.04\n"]) {
      expect(commands(osRelease)).toEqual([expect.stringMatching(/^# .*use Debian 12, Ubuntu 22\.04 or later/)]);
    }
  });

  test("macOS, Windows, musl and an old glibc get their own advice", () => {
    expect(driverCommands(readMachine({ os: "darwin" })).join()).toContain("Metal");
    expect(driverCommands(readMachine({ os: "win32" })).join()).toContain("Direct3D 12");
    expect(driverCommands(linux("ID=alpine\n")).join()).toContain("glibc");
    expect(loadFix(linux(DEBIAN_12), "version `GLIBCXX_3.4.32' not found").join()).toContain("older C or C++ library");
  });
});

test("the message names the machine, the obstacle, what Dawn said and the commands", () => {
  const probe = { ...nothing, messages: "Warning: Found no drivers!\n" };
  const text = noAdapterMessage(probe, linux(DEBIAN_12), { VK_ICD_FILENAMES: "/none" }, "because");
  for (const part of [
    "Debian GNU/Linux 12",
    "because",
    "Found no drivers!",
    "unset VK_ICD_FILENAMES",
    "-t bookworm-backports",
  ]) {
    expect(text).toContain(part);
  }
});

describe.skipIf(process.platform === "win32")("installDriver", () => {
  const SOURCE = "Types: deb\nURIs: http://mirror/debian\nSuites: bookworm\nComponents: main\n";
  let etc = "";
  let source = "";
  beforeEach(() => {
    etc = mkdtempSync(join(tmpdir(), "equipoise-driver-"));
    source = join(etc, "sources.list.d/debian.sources");
    mkdirSync(join(etc, "sources.list.d"));
    mkdirSync(join(etc, "bin"));
    writeFileSync(source, SOURCE);
  });
  afterEach(() => rmSync(etc, { recursive: true, force: true }));

  /** Runs installDriver in a process of its own, with `script` as apt-get. */
  function start(script: string, osRelease = DEBIAN_12) {
    const log = join(etc, "apt.log");
    const fake = `#!/bin/sh\ncase "$*" in *update*) what=update;; *) what=install;; esac\necho "$what $*" >> ${log}\n${script}\n`;
    writeFileSync(join(etc, "bin/apt-get"), fake, { mode: 0o755 });
    const module = resolve(import.meta.dirname, "../../scripts");
    const code = `import { installDriver } from "${module}/driver.mjs"; import { readMachine } from "${module}/platform.mjs";
      try { await installDriver(readMachine({ os: "linux", osRelease: ${JSON.stringify(osRelease)}, root: true }), "${etc}"); }
      catch (error) { console.error(error.message); process.exitCode = error.exitCode ?? 99; }`;
    const env = { ...process.env, PATH: `${etc}/bin:${process.env.PATH}` };
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { env });
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    const done = new Promise<{ code: number | null; stderr: string; calls: string[] }>((resolve) => {
      child.on("close", (exit) => resolve({ code: exit, stderr, calls: readFileSync(log, "utf8").trim().split("\n") }));
    });
    return { child, done };
  }

  test("adds the suite while apt-get runs, says so first, and puts the source back", async () => {
    const { code, stderr, calls } = await start(`cp ${etc}/sources.list.d/debian.sources ${etc}/seen-$what`).done;
    expect(code).toBe(0);
    expect(stderr).toContain(`add bookworm-backports to ${source}`);
    expect(readFileSync(join(etc, "seen-update"), "utf8")).toContain("Suites: bookworm bookworm-backports\n");
    expect(readFileSync(join(etc, "seen-install"), "utf8")).toContain("Suites: bookworm bookworm-backports\n");
    expect(calls[1]).toMatch(
      /install -y --no-install-recommends -t bookworm-backports mesa-vulkan-drivers libvulkan1$/,
    );
    expect(readFileSync(source, "utf8")).toBe(SOURCE);
    expect(readdirSync(join(etc, "sources.list.d"))).toEqual(["debian.sources"]);
  });

  test("leaves the source alone where the suite is there or not needed", async () => {
    const keep = `cp ${etc}/sources.list.d/debian.sources ${etc}/seen-$what`;
    const ubuntu = await start(keep, "ID=ubuntu\nVERSION_ID=24.04\nVERSION_CODENAME=noble\n").done;
    expect(ubuntu.calls[1]).not.toContain("-t ");
    expect(readFileSync(join(etc, "seen-install"), "utf8")).toBe(SOURCE);
    writeFileSync(source, SOURCE.replace("bookworm\n", "bookworm bookworm-backports\n"));
    const { code } = await start(keep).done;
    expect(code).toBe(0);
    expect(readFileSync(join(etc, "seen-install"), "utf8")).toBe(readFileSync(source, "utf8"));
  });

  test("puts the source back when apt-get fails, and shows its last lines and the commands", async () => {
    const { code, stderr } = await start('[ $what = update ] || { echo "E: no space left" >&2; exit 100; }').done;
    expect(code).toBe(1);
    expect(stderr).toContain("apt-get install failed with exit code 100");
    expect(stderr).toContain("E: no space left");
    expect(stderr).toContain("apt-get install -y --no-install-recommends -t bookworm-backports");
    expect(readFileSync(source, "utf8")).toBe(SOURCE);
  });

  test("goes on when a source of someone else's fails to update", async () => {
    const { code, calls } = await start("[ $what = install ] || exit 100").done;
    expect(code).toBe(0);
    expect(calls.length).toBe(2);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("puts the source back at once on %s and stops", async (signal) => {
    const { child, done } = start("sleep 1; exit 0");
    while (!existsSync(join(etc, "apt.log"))) await sleep(20);
    expect(readFileSync(source, "utf8")).not.toBe(SOURCE);
    child.kill(signal);
    await sleep(300);
    expect(readFileSync(source, "utf8")).toBe(SOURCE);
    const { code, calls } = await done;
    expect(code).toBe(signal === "SIGINT" ? 130 : 143);
    expect(calls.length).toBe(1);
    expect(readdirSync(join(etc, "sources.list.d"))).toEqual(["debian.sources"]);
  });

  test("waits while another package manager holds the lock", async () => {
    const busy = `[ -e ${etc}/free ] || { touch ${etc}/free; echo "E: Could not get lock /var/lib/apt/lists/lock." >&2; exit 100; }`;
    const { code, stderr, calls } = await start(busy).done;
    expect(code).toBe(0);
    expect(stderr).toContain("another package manager is at work");
    expect(calls.map((line) => line.split(" ")[0])).toEqual(["update", "update", "install"]);
  });

  test("without a source of the release, gives the commands and runs nothing", async () => {
    writeFileSync(source, SOURCE.replace("bookworm", "sid"));
    writeFileSync(join(etc, "apt.log"), "");
    const { code, stderr, calls } = await start("true").done;
    expect(code).toBe(1);
    expect(stderr).toContain("no apt source of bookworm");
    expect(calls).toEqual([""]);
  });
});
