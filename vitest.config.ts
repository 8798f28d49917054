import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

const pages = "test/page/**/*.test.ts";

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    // What the user's own cache holds must not decide which kernels are tested.
    env: { EQUIPOISE_CACHE: join(tmpdir(), "equipoise-test-cache") },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default", "./scripts/summaryReporter.mjs"],
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: [pages],
          globalSetup: ["scripts/testSetup.mjs"],
        },
      },
      {
        extends: true,
        test: { name: "page", include: [pages], globalSetup: ["scripts/pageSetup.mjs"], testTimeout: 240_000 },
      },
    ],
  },
});
