import type { BenchRecord } from "../../bench/run/record.js";

/** A record with plausible values for whatever a test does not set. */
export function someRecord(part: Partial<BenchRecord> = {}): BenchRecord {
  return {
    case: "gemm-512",
    engine: "equipoise",
    adapter: "adapter A",
    driver: "driver 1",
    bestMs: 5,
    medianMs: 5.1,
    gflops: 53.7,
    gbps: null,
    samplesMs: [5, 5.1, 5.2],
    version: "0.1.0",
    date: "2026-01-01T00:00:00.000Z",
    ...part,
  };
}
