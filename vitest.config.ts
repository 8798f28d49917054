import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["scripts/testSetup.mjs"],
    pool: "forks",
    maxWorkers: 2,
    // What the user's own cache holds must not decide which kernels are tested.
    env: { EQUIPOISE_CACHE: join(tmpdir(), "equipoise-test-cache") },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default", "./scripts/summaryReporter.mjs"],
  },
});
