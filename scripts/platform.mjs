/**
 * What this machine is, and the commands that give it a WebGPU adapter. The one place for both, used by the set-up of a
 * checkout and by `equipoise doctor`.
 */
import { readFileSync } from "node:fs";
import { arch, platform, release } from "node:os";

/**
 * @typedef {object} Machine
 * @property {NodeJS.Platform} os
 * @property {string} arch
 * @property {string} name for people, as "Debian GNU/Linux 12 (bookworm)"
 * @property {string} distro ID of /etc/os-release; "" outside Linux
 * @property {string[]} family distro and those it is like
 * @property {number} version VERSION_ID; Infinity for a rolling or unreleased version, 0 outside Linux
 * @property {string} codename "" if there is none
 * @property {boolean} root
 */

/**
 * @param {{ os?: NodeJS.Platform, osRelease?: string, root?: boolean }} [known] for tests; default: this machine
 * @returns {Machine}
 */
export function readMachine({ os = platform(), osRelease, root = process.getuid?.() === 0 } = {}) {
  if (os !== "linux") {
    const names = /** @type {Partial<Record<NodeJS.Platform, string>>} */ ({ darwin: "macOS", win32: "Windows" });
    return {
      os,
      arch: arch(),
      name: `${names[os] ?? os} ${release()}`,
      distro: "",
      family: [],
      version: 0,
      codename: "",
      root,
    };
  }
  const fields = parseOsRelease(osRelease ?? readOsRelease());
  const distro = fields.ID ?? "linux";
  return {
    os,
    arch: arch(),
    name: fields.PRETTY_NAME ?? distro,
    distro,
    family: [distro, ...(fields.ID_LIKE ?? "").split(" ").filter(Boolean)],
    version: fields.VERSION_ID ? Number.parseFloat(fields.VERSION_ID) : Number.POSITIVE_INFINITY,
    codename: fields.VERSION_CODENAME ?? "",
    root,
  };
}

function readOsRelease() {
  for (const path of ["/etc/os-release", "/usr/lib/os-release"]) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // the next one, or an unknown Linux
    }
  }
  return "";
}

/**
 * @param {string} text
 * @returns {Record<string, string | undefined>}
 */
function parseOsRelease(text) {
  const lines = text.matchAll(/^([A-Z_]+)=(?:"([^"\n]*)"|'([^'\n]*)'|(.*))$/gm);
  return Object.fromEntries([...lines].map(([, key, a, b, c]) => [key, (a ?? b ?? c ?? "").trim()]));
}

/** The packages of a software Vulkan driver (lavapipe) and the Vulkan loader on Debian and its relatives. */
export const APT_PACKAGES = ["mesa-vulkan-drivers", "libvulkan1"];

/**
 * The suite that has a Mesa recent enough for Dawn where the release itself has not: Debian 12 comes with 22.3.6, whose
 * lavapipe Dawn refuses, and its backports with 25.0.7.
 * @param {Machine} machine
 * @returns {string | null}
 */
export function backportsSuite(machine) {
  return machine.distro === "debian" && machine.version === 12 ? "bookworm-backports" : null;
}

/**
 * Releases whose newest Mesa is older than those that Dawn was seen to accept (Ubuntu 22.04's 23.2.1, Debian 12's backports).
 * @param {Machine} machine
 * @returns {boolean}
 */
export function isTooOld({ distro, version }) {
  return (distro === "debian" && version < 12) || (distro === "ubuntu" && version < 22);
}

/**
 * What to do when a probe found no adapter.
 * @param {{ loads: boolean, error: string }} probe
 * @param {Machine} machine
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]} commands to type and, in lines that start with `#`, things to do by hand
 */
export function adapterFix(probe, machine, env) {
  if (!probe.loads) return loadFix(machine, probe.error);
  const chosen = driverVariable(env);
  const unset = chosen
    ? [`# ${chosen} keeps Vulkan from other drivers. Correct it, or:`, `unset ${chosen.split("=")[0]}`]
    : [];
  return [...unset, ...driverCommands(machine)];
}

/**
 * How to install a driver here.
 * @param {Machine} machine
 * @returns {string[]} as adapterFix
 */
export function driverCommands(machine) {
  if (machine.os === "darwin") {
    return ["# macOS comes with Metal: update macOS, and use a machine or virtual machine with a GPU."];
  }
  if (machine.os === "win32") {
    return [
      "# Windows comes with Direct3D 12: install the GPU maker's current driver, or update Windows for the software adapter:",
      "start ms-settings:windowsupdate",
    ];
  }
  if (machine.os !== "linux") return [`# WebGPU in Node needs Linux, macOS or Windows; this is ${machine.name}.`];
  return [
    "# With a GPU, install its maker's Vulkan driver. Without one, a software driver:",
    ...linuxCommands(machine),
  ];
}

/**
 * @param {Machine} machine
 * @returns {string[]}
 */
function linuxCommands(machine) {
  const sudo = machine.root ? "" : "sudo ";
  const is = (/** @type {string} */ name) => machine.family.includes(name);
  if (is("debian") || is("ubuntu")) return aptCommands(machine, sudo);
  if (is("fedora") || is("rhel")) return [`${sudo}dnf install -y mesa-vulkan-drivers vulkan-loader`];
  if (is("arch")) return [`${sudo}pacman -S --needed vulkan-swrast vulkan-icd-loader`];
  if (is("suse") || is("opensuse")) return [`${sudo}zypper install libvulkan1 libvulkan_lvp`];
  if (is("alpine")) return ["# Dawn's Node package needs glibc, which Alpine has not: use a Debian or Ubuntu image."];
  return [
    "# Install Mesa's Vulkan drivers (25 or later; it includes lavapipe) and the Vulkan loader with your package manager.",
  ];
}

/**
 * @param {Machine} machine
 * @param {string} sudo
 * @returns {string[]}
 */
function aptCommands(machine, sudo) {
  if (isTooOld(machine))
    return ["# This release has no software driver that Dawn accepts: use Debian 12, Ubuntu 22.04 or later."];
  const suite = backportsSuite(machine);
  const update = `${sudo}apt-get update`;
  const packages = APT_PACKAGES.join(" ");
  if (!suite) return [update, `${sudo}apt-get install -y --no-install-recommends ${packages}`];
  // The mirror that this machine uses already.
  const mirror = "$(apt-get indextargets --format '$(REPO_URI)' | head -n 1)";
  return [
    `echo "deb ${mirror} ${suite} main" | ${sudo}tee /etc/apt/sources.list.d/${suite}.list`,
    update,
    `${sudo}apt-get install -y --no-install-recommends -t ${suite} ${packages}`,
  ];
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} "NAME=value" of the variable that restricts Vulkan's drivers, or ""
 */
export function driverVariable(env) {
  const name = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].find((key) => env[key]);
  return name ? `${name}=${env[name]}` : "";
}

/**
 * What to do when the `webgpu` package itself does not load.
 * @param {Machine} machine
 * @param {string} error its message
 * @returns {string[]}
 */
export function loadFix(machine, error) {
  if (/GLIBC|GLIBCXX/.test(error)) {
    return [
      `# ${machine.name} has an older C or C++ library than Dawn's Node package needs (glibc 2.35 works).`,
      "# Use Debian 12, Ubuntu 22.04, Fedora 36 or later, for example as a container: node:22-bookworm",
    ];
  }
  if (/musl|ld-linux|Error loading shared library/.test(error)) {
    return ["# Dawn's Node package needs glibc: use a Debian or Ubuntu image, for example node:22-bookworm"];
  }
  if (/Cannot find (module|package)|ENOENT|no such file/i.test(error)) {
    return [
      "# The package has binaries for Linux, macOS and Windows on x64 and arm64. Install it again:",
      "npm install webgpu",
    ];
  }
  return ["# Install the package again:", "npm install webgpu"];
}
