import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const OUT = "../hub/web/static/console";

/** The hub sends what is smaller: `x.js.br` and `x.js.gz` beside `x.js`. */
function precompressed(): Plugin {
  return {
    name: "precompressed",
    apply: "build",
    closeBundle() {
      const folder = join(OUT, "assets");
      for (const name of readdirSync(folder)) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        const content = readFileSync(join(folder, name));
        const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
        writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content, { params }));
        writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
      }
    },
  };
}

/** The viewer of the API at `/docs`, as the lock has it. */
const VIEWER = ["swagger-ui-bundle.js", "swagger-ui.css"]; // `hub/web/pages.py` serves both
const NOTICES = ["LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"];

function apiViewer(): Plugin {
  return {
    name: "api-viewer",
    apply: "build",
    closeBundle() {
      mkdirSync(join(OUT, "docs"));
      for (const name of [...VIEWER, ...NOTICES]) {
        copyFileSync(join("node_modules/swagger-ui-dist", name), join(OUT, "docs", name));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), precompressed(), apiViewer()],
  html: { cspNonce: "LONGLINE_NONCE" },
  // Relative: below which path the hub is served is known when the page is asked for.
  base: "./",
  build: {
    outDir: OUT,
    emptyOutDir: true,
    manifest: true,
    license: { fileName: "licenses.md" },
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
  },
  test: {
    projects: [
      { extends: true, test: { name: "pure", include: ["src/**/*.test.ts"], environment: "node" } },
      {
        extends: true,
        test: {
          name: "components",
          include: ["src/**/*.test.tsx"],
          environment: "jsdom",
          setupFiles: ["src/testing/setup.ts"],
          testTimeout: 30_000,
        },
      },
    ],
  },
});
