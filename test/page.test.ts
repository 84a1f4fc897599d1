import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { buildPageAssets } from "../build/page.ts";
import { renderCapacityHtml } from "../src/report/capacity/html.ts";
import { renderHtml } from "../src/report/html/render.ts";
import { searched } from "./capacity-searched.ts";
import { findChromium, Page } from "./chromium.ts";
import { deliveries, reconnections } from "./fixtures/reports/classes.ts";
import {
  buildOf,
  completeOf,
  goodSlices,
  histogramOf,
  rowOf,
  sampleOf,
  sliceOf,
} from "./fixtures/reports/run.ts";

const HOSTILE =
  "</script><script>window.hit = 1</script><img src=http://127.0.0.1:9/x onerror=hit=1>";
const command = findChromium();
const skip = command === undefined && "no Chromium was found: the page was not drawn";

/** A run with a stall, a rejecting relay and what it said. */
function troubled() {
  const failing = Array.from({ length: 5 }, (_, i) =>
    sliceOf({
      seq: 200 + i,
      index: 40 + i,
      atMs: 5_000 + i * 100,
      classes: { publish: [rowOf(1, { scheduled: 3, attempted: 3, rejected: 2, timedOut: 1 })] },
      histograms: {
        "publish.response.1": histogramOf(900, 1_800),
        "publish.service.1": histogramOf(900),
      },
      errors: [{ class: "reject", code: HOSTILE, count: 2, firstAtSec: 4, example: HOSTILE }],
    }),
  );
  const resources = Array.from({ length: 10 }, (_, t) =>
    (["relay", "generator", "host"] as const).map((process) =>
      sampleOf({
        t: t + 0.5,
        process,
        cpuPercent: 10 * t,
        rssBytes: process === "host" ? null : 1e8 + t * 1e6,
      }),
    ),
  ).flat();
  return completeOf(buildOf({ slices: [...goodSlices(), ...failing] }), { resources });
}

/** Pixels of a chart that are not of its ground, by the place of its canvas in the page. */
const PAINTED = `[...document.querySelectorAll(".plot")].map((plot) => {
  const canvas = plot.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let painted = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i] > 200) painted++;
  return [plot.dataset.chart, painted];
})`;
const CURSORS = `[...document.querySelectorAll(".plot")].map((plot) => [
  plot.dataset.chart, plot.querySelector(".u-legend .u-value").textContent])`;

describe("the page of a capacity in headless Chromium", { skip }, () => {
  it("draws points, moves from trial to trial by the keys, and is no wider than a phone", async () => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-page-"));
    const page = await Page.open(command ?? "");
    try {
      const file = join(dir, "capacity.html");
      const made = searched();
      const relay = { label: HOSTILE, address: null, software: HOSTILE, version: HOSTILE };
      const said = { ...made, run: { ...made.run, relays: [relay], relayNote: HOSTILE } };
      await writeFile(file, renderCapacityHtml({ ...said, against: said }, buildPageAssets()));
      const url = pathToFileURL(file).href;
      const metrics = { width: 400, height: 800, deviceScaleFactor: 2, mobile: true };
      await page.send("Emulation.setDeviceMetricsOverride", metrics);
      await page.load(url);
      const painted = (await page.evaluate(PAINTED)) as [string, number][];
      assert.deepEqual(
        painted.map(([id]) => id),
        ["against", "load-times", "load-done", "load-cpu", "search", "database"],
      );
      for (const [id, pixels] of painted) assert.ok(pixels > 500, `${id}: ${pixels} pixels`);
      await page.evaluate(`document.querySelector('[data-chart="load-times"]').focus()`);
      const readout = `document.querySelector('[data-chart="load-times"]').parentElement.querySelector(".readout").textContent`;
      // Two trials of one load: each is stopped at.
      const said50: unknown[] = [];
      for (const key of ["Home", "ArrowRight", "ArrowRight"]) {
        await page.press(key);
        said50.push(String(await page.evaluate(readout)).replace(/ p50.*/, ""));
      }
      assert.deepEqual(
        said50.map((text) => String(text).replace(/, [^,]*$/, "")),
        [
          "trial 1, warmup, 50 events/s, not judged",
          "trial 2, baseline, 50 events/s, pass",
          "trial 24, baseline, 50 events/s, pass",
        ],
      );
      await page.evaluate(
        `document.querySelectorAll("details").forEach((d) => { d.open = true; })`,
      );
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 400);
      assert.equal(await page.evaluate("typeof window.hit"), "undefined");
      assert.deepEqual(page.requests, [url]);
      assert.deepEqual(page.complaints, []);
    } finally {
      await page.close();
      await rm(dir, { recursive: true });
    }
  });
});

describe("pages of deliveries and of connections in headless Chromium", { skip }, () => {
  it("draw each chart of theirs, and name what happened", async () => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-page-"));
    const page = await Page.open(command ?? "");
    try {
      const assets = buildPageAssets();
      const reports = { deliveries: deliveries(), reconnections: reconnections() };
      const drawn: string[] = [];
      for (const [name, report] of Object.entries(reports)) {
        const file = join(dir, `${name}.html`);
        await writeFile(file, renderHtml(report, assets));
        await page.load(pathToFileURL(file).href);
        await page.evaluate(
          `document.querySelectorAll("details").forEach((d) => { d.open = true; })`,
        );
        const painted = (await page.evaluate(PAINTED)) as [string, number][];
        for (const [id, pixels] of painted) assert.ok(pixels > 500, `${id}: ${pixels} pixels`);
        drawn.push(...painted.map(([id]) => id));
      }
      for (const id of [
        ...["deliveries", "delivery-times", "delivery-heat", "spread", "completeness"],
        ...["connections", "recovery", "heat"],
      ]) {
        assert.ok(drawn.includes(id), `${id}: ${drawn.join()}`);
      }
      const readout = `document.querySelector('[data-chart="recovery"]').parentElement.querySelector(".readout").textContent`;
      await page.evaluate(`document.querySelector('[data-chart="recovery"]').focus()`);
      await page.press("End");
      assert.match(String(await page.evaluate(readout)), /^after 1\.2\d s, usable again 90 %$/);
      assert.deepEqual(page.complaints, []);
    } finally {
      await page.close();
      await rm(dir, { recursive: true });
    }
  });
});

describe("the page in headless Chromium", { skip }, () => {
  let dir = "";
  let url = "";
  let page: Page;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "k6-nostr-page-"));
    const file = join(dir, "report.html");
    await writeFile(file, renderHtml(troubled(), buildPageAssets()));
    url = pathToFileURL(file).href;
    page = await Page.open(command ?? "");
    await page.send("Network.emulateNetworkConditions", {
      offline: true,
      latency: 0,
      downloadThroughput: 0,
      uploadThroughput: 0,
    });
    await page.load(url);
  });
  after(async () => {
    await page?.close();
    await rm(dir, { recursive: true });
  });

  it("draws every chart, asks the network for nothing, and runs nothing a relay said", async () => {
    const painted = (await page.evaluate(PAINTED)) as [string, number][];
    assert.deepEqual(
      painted.map(([id]) => id),
      [
        "throughput",
        "connections",
        "percentiles",
        "heat",
        "curve",
        "service",
        "lag",
        "cpu",
        "memory",
        "errors",
      ],
    );
    for (const [id, pixels] of painted) assert.ok(pixels > 500, `${id}: ${pixels} pixels`);
    assert.deepEqual(page.requests, [url]);
    assert.deepEqual(page.complaints, []);
    assert.equal(await page.evaluate("typeof window.hit"), "undefined");
    assert.equal(await page.evaluate("document.scripts.length"), 2);
  });

  it("moves the cursor of all charts over time by the keys of one, and reads out what is there", async () => {
    await page.evaluate(`document.querySelector('[data-chart="throughput"]').focus()`);
    await page.press("Home");
    await page.press("ArrowRight");
    const cursors = (await page.evaluate(CURSORS)) as [string, string][];
    for (const [id, at] of cursors) {
      // The curve has another axis, and without a cursor the places that matter.
      assert.equal(at, id === "curve" ? "90 % · 99 % · 99.9 %" : "0.5 s", id);
    }
    const readout = `document.querySelector('[data-chart="throughput"]').parentElement.querySelector(".readout").textContent`;
    assert.equal(
      await page.evaluate(readout),
      "at 0.5 s, set 100 events/s, sent 100 events/s, accepted 100 events/s",
    );
    await page.press("Escape");
    assert.equal(await page.evaluate(readout), "");
  });

  it("turns dark by its button, and by the system", async () => {
    const ground = `getComputedStyle(document.body).backgroundColor`;
    assert.equal(await page.evaluate(ground), "rgb(255, 255, 255)");
    await page.evaluate(`document.getElementById("theme").click()`);
    assert.equal(await page.evaluate(ground), "rgb(20, 23, 28)");
    const button = `document.getElementById("theme").getAttribute("aria-pressed")`;
    assert.equal(await page.evaluate(button), "true");
    const dark = [{ name: "prefers-color-scheme", value: "dark" }];
    await page.send("Emulation.setEmulatedMedia", { features: dark });
    await page.load(url);
    assert.equal(await page.evaluate(ground), "rgb(20, 23, 28)");
    assert.equal(await page.evaluate(button), "true");
  });

  it("is light on paper, whatever the screen, with nothing that scrolls", async () => {
    const dark = [{ name: "prefers-color-scheme", value: "dark" }];
    await page.send("Emulation.setEmulatedMedia", { media: "print", features: dark });
    const look = `[getComputedStyle(document.body).backgroundColor,
      getComputedStyle(document.querySelector(".scroll")).overflowX]`;
    assert.deepEqual(await page.evaluate(look), ["rgb(255, 255, 255)", "visible"]);
    await page.send("Emulation.setEmulatedMedia", { media: "", features: [] });
  });

  it("is no wider than a phone", async () => {
    const metrics = { width: 400, height: 800, deviceScaleFactor: 2, mobile: true };
    await page.send("Emulation.setDeviceMetricsOverride", metrics);
    await page.load(url);
    await page.evaluate(`document.querySelectorAll("details").forEach((d) => { d.open = true; })`);
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 400);
    const painted = (await page.evaluate(PAINTED)) as [string, number][];
    for (const [id, pixels] of painted) assert.ok(pixels > 500, `${id}: ${pixels} pixels`);
    assert.deepEqual(page.complaints, []);
  });
});
