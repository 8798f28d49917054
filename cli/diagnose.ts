import { tail } from "../scripts/messages.mjs";
import { adapterFix, driverVariable, type Machine, readMachine } from "../scripts/platform.mjs";
import { type FoundAdapter, type Probe, probeAdapters } from "../scripts/probe.mjs";

/** What `equipoise doctor` found out. */
export interface Diagnosis {
  /** There is an adapter that gives a device. */
  ok: boolean;
  node: string;
  /** Operating system and processor. */
  machine: string;
  webgpu: { loads: boolean; version: string };
  /** The one that is used by default comes first. */
  adapters: FoundAdapter[];
  /** What is missing; empty if ok. */
  missing: string[];
  /** Commands to type, and lines that start with `#`; empty if ok. */
  fix: string[];
  /** Remarks that are no errors. */
  notes: string[];
  /** What Dawn and the graphics drivers said, if not ok. */
  messages: string;
}

/** Features that the engine makes use of, and what for. */
const USED_FEATURES: Record<string, string> = {
  subgroups: "faster matrix products",
  "shader-f16": "half-precision kernels",
  "timestamp-query": "GPU times in the profiler",
};

/** Limits that decide what fits, with the unit they are shown in. */
const SHOWN_LIMITS: [name: string, label: string, unit: number, suffix: string][] = [
  ["maxStorageBufferBindingSize", "largest tensor", 2 ** 20, "MiB"],
  ["maxBufferSize", "largest buffer", 2 ** 20, "MiB"],
  ["maxComputeWorkgroupStorageSize", "workgroup memory", 2 ** 10, "KiB"],
  ["maxComputeInvocationsPerWorkgroup", "threads per workgroup", 1, ""],
  ["maxStorageBuffersPerShaderStage", "buffers per kernel", 1, ""],
];

/** Looks for WebGPU adapters in a child process, so that a driver that crashes cannot take this one along. Never throws. */
export async function diagnose(env: NodeJS.ProcessEnv = process.env, machine = readMachine()): Promise<Diagnosis> {
  return conclude(await probeAdapters(env), machine, env);
}

/** The diagnosis that follows from a probe. */
export function conclude(probe: Probe, machine: Machine, env: NodeJS.ProcessEnv): Diagnosis {
  const ok = probe.adapters.length > 0;
  return {
    ok,
    node: process.versions.node,
    machine: `${machine.name}, ${machine.arch}`,
    webgpu: { loads: probe.loads, version: probe.version },
    adapters: probe.adapters,
    missing: ok ? [] : [whatIsMissing(probe)],
    fix: ok ? [] : adapterFix(probe, machine, env),
    notes: ok ? notes(probe.adapters, env) : [],
    messages: ok ? "" : probe.messages.trim(),
  };
}

function whatIsMissing({ loads, error }: Probe): string {
  if (!loads) return `the webgpu package does not load: ${error}`;
  return error === "" ? "a WebGPU adapter: Dawn found none that it accepts" : `a WebGPU adapter that works: ${error}`;
}

function notes(adapters: FoundAdapter[], env: NodeJS.ProcessEnv): string[] {
  const chosen = driverVariable(env);
  const onlyCpu = adapters.every((adapter) => adapter.isCpu);
  return [
    ...(chosen ? [`${chosen} is set: Vulkan looks at no other drivers.`] : []),
    ...(onlyCpu ? ["Only software adapters: everything works, slowly. A GPU needs its maker's driver."] : []),
  ];
}

/** The diagnosis as text of several lines, without a line break at the end. */
export function formatDiagnosis(d: Diagnosis): string {
  return [
    `system    ${d.machine}`,
    `node      ${d.node}`,
    `webgpu    ${d.webgpu.loads ? d.webgpu.version || "loads" : "does not load"}`,
    ...d.adapters.flatMap(formatAdapter),
    ...d.missing.map((text) => `missing   ${text}`),
    ...d.notes.map((text) => `note      ${text}`),
    ...(d.messages ? ["Dawn and the drivers said:", tail(d.messages, 8)] : []),
    ...(d.fix.length > 0 ? ["What to do:", ...d.fix.map((line) => `  ${line}`)] : []),
    d.ok ? "ready: an adapter was found and gives a device" : "not ready",
  ].join("\n");
}

function formatAdapter(adapter: FoundAdapter, index: number): string[] {
  const names = [adapter.vendor, adapter.architecture, adapter.backend].filter(Boolean).join(", ");
  const limits = SHOWN_LIMITS.flatMap(([name, label, unit, suffix]) => {
    const value = adapter.limits[name];
    return value === undefined ? [] : [`${label} ${Math.floor(value / unit)}${suffix && ` ${suffix}`}`];
  });
  const features = Object.entries(USED_FEATURES).map(([name, use]) => {
    const has = adapter.features.includes(name);
    return `${name} ${has ? "yes" : `no (${use})`}`;
  });
  return [
    `adapter   ${adapter.description || adapter.name}${index === 0 ? "  [default]" : ""}`,
    `            ${adapter.isCpu ? "software (CPU)" : "GPU"}; ${names}; subgroups of ${[...new Set(adapter.subgroupSize)].join("-")}`,
    `            ${limits.join(", ")}`,
    `            ${features.join(", ")}`,
  ];
}
