import { describe, expect, it } from "vitest";
import type { Device } from "../../live/standing";
import { device as anyDevice } from "../../testing/device";
import { columnOf, shownColumns, toggled, widthOf } from "./columns";
import { fleetSearch, isFiltered } from "./search";
import { choose, chooseAll, extentOf, living, NOTHING, sighted } from "./selection";
import { arrange, facetsOf, isLiveView } from "./view";

const device = (id: string, part: Partial<Device> = {}) => anyDevice({ id, name: id, ...part });

const FLEET = [
  device("edge-10", { tags: ["hall-2"], metrics: { cpu: 5 }, version: "2.0" }),
  device("edge-9", {
    status: "ERROR",
    tags: ["hall-1", "filler"],
    groupIds: ["g1"],
    metrics: { cpu: 90 },
  }),
  device("edge-2", { name: "Capper", status: "OFFLINE", connected: false, version: null }),
];

describe("the address", () => {
  it("is read strictly, and what it does not know is left out", () => {
    expect(
      fleetSearch({ q: "a", tag: 7, connected: false, status: "", x: "y", sort: ["a"] }),
    ).toEqual({
      q: "a",
      tag: "7",
      connected: false,
    });
  });

  it("filters unless it says the order alone", () => {
    expect([isFiltered({ sort: "name" }), isFiltered({ q: "a" })]).toEqual([false, true]);
  });
});

describe("who is shown", () => {
  it.each([
    [{}, ["edge-2", "edge-9", "edge-10"]],
    [{ q: "CAP" }, ["edge-2"]],
    [{ q: "edge hall-2" }, ["edge-10"]],
    [{ status: "ERROR" }, ["edge-9"]],
    [{ connected: true }, ["edge-9", "edge-10"]],
    [{ group: "g1" }, ["edge-9"]],
    [{ tag: "filler" }, ["edge-9"]],
    [{ version: "2.0" }, ["edge-10"]],
    [{ q: "nothing" }, []],
  ])("by %j", (search, expected) => {
    expect(arrange(FLEET, search)).toEqual(expected);
  });
});

describe("the order", () => {
  it.each([
    ["name", ["edge-2", "edge-9", "edge-10"]],
    ["-name", ["edge-10", "edge-9", "edge-2"]],
    ["status", ["edge-9", "edge-2", "edge-10"]],
    ["version", ["edge-9", "edge-10", "edge-2"]],
    ["-version", ["edge-10", "edge-9", "edge-2"]],
    ["metric:cpu", ["edge-10", "edge-9", "edge-2"]],
    ["-metric:cpu", ["edge-9", "edge-10", "edge-2"]],
  ])("by %s puts what has no value last", (sort, expected) => {
    expect(arrange(FLEET, { sort })).toEqual(expected);
  });

  it("is by name among equals, and by times where there are some", () => {
    const [a, b, c] = [
      device("b", { lastSeen: "2026-01-01T00:00:01.000Z", createdAt: "2026-01-03T00:00:00.000Z" }),
      device("a", { lastSeen: "2026-01-01T00:00:01.000Z" }),
      device("c", { lastSeen: null }),
    ];
    expect(arrange([a, b, c], { sort: "-lastSeen" })).toEqual(["a", "b", "c"]);
    expect(arrange([a, b, c], { sort: "-created" })).toEqual(["b", "a", "c"]);
  });

  it("changes live when it is by what devices say", () => {
    expect([{}, { sort: "version" }, { tag: "x" }].map(isLiveView)).toEqual([false, false, false]);
    const live = [
      { status: "ERROR" },
      { connected: true },
      { sort: "-lastSeen" },
      { sort: "metric:cpu" },
      { sort: "status" },
    ];
    expect(live.map(isLiveView)).toEqual([true, true, true, true, true]);
  });
});

it("offers what there is to filter by, the most frequent first", () => {
  const facets = facetsOf([...FLEET, device("z", { tags: ["filler"], version: "2.0" })]);
  expect([...facets.tags]).toEqual([
    ["filler", 2],
    ["hall-1", 1],
    ["hall-2", 1],
  ]);
  expect([...facets.versions.keys()]).toEqual(["2.0", "1.0"]);
  expect(facets.metrics).toEqual(["cpu"]);
});

describe("columns", () => {
  it("are ours until somebody chooses, with metrics this fleet has", () => {
    expect(shownColumns(undefined, ["zeta", "outbox.depth", "alpha"]).slice(5)).toEqual([
      columnOf("outbox.depth"),
      columnOf("zeta"),
    ]);
    expect(shownColumns(["tags", "metric:x", "gone"], [])).toEqual(["tags", "metric:x"]);
  });

  it("keep their order when one comes or goes", () => {
    expect(toggled(["tags", "metric:b"], "status")).toEqual(["status", "tags", "metric:b"]);
    expect(toggled(["status", "metric:b"], "metric:a")).toEqual(["status", "metric:b", "metric:a"]);
    expect(toggled(["status", "tags"], "tags")).toEqual(["status"]);
  });

  it("have a width each", () => {
    expect([widthOf("status"), widthOf("metric:x")]).toEqual(["104px", "minmax(124px, 0.9fr)"]);
  });
});

describe("a selection", () => {
  const shown = ["a", "b", "c", "d"];
  const ids = (selection: { ids: ReadonlySet<string> }) => [...selection.ids].sort();

  it("takes and leaves one", () => {
    const one = choose(NOTHING, "b", shown, false);
    expect(ids(one)).toEqual(["b"]);
    expect(ids(choose(one, "b", shown, false))).toEqual([]);
  });

  it("takes a range from the last one, in both directions", () => {
    const from = choose(NOTHING, "c", shown, false);
    expect(ids(choose(from, "a", shown, true))).toEqual(["a", "b", "c"]);
    expect(ids(choose(choose(from, "a", shown, true), "d", shown, true))).toEqual([
      "a",
      "b",
      "c",
      "d",
    ]);
  });

  it("leaves a range when the last one was left", () => {
    const all = chooseAll(NOTHING, shown);
    const without = choose(all, "b", shown, false);
    expect(ids(choose(without, "c", shown, true))).toEqual(["a", "d"]);
  });

  it("takes one when the last one is not shown any more", () => {
    const from = choose(NOTHING, "z", ["z"], false);
    expect(ids(choose(from, "b", shown, true))).toEqual(["b", "z"]);
  });

  it("says how much of it is not shown", () => {
    const all = chooseAll(NOTHING, shown);
    expect(sighted(all, ["d", "x", "b"])).toEqual({ seen: ["d", "b"], hidden: 2 });
    expect(sighted(all, shown)).toEqual({ seen: shown, hidden: 0 });
    expect(sighted(all, [])).toEqual({ seen: [], hidden: 4 });
  });

  it("is without devices that are deleted", () => {
    const all = chooseAll(NOTHING, shown);
    expect(ids(living(all, id => id !== "c"))).toEqual(["a", "b", "d"]);
    expect(living(all, () => true)).toBe(all);
  });

  it("takes all that match, and leaves them, without touching others", () => {
    const other = choose(NOTHING, "z", ["z"], false);
    const all = chooseAll(other, shown);
    expect(extentOf(all, shown)).toBe("all");
    expect(ids(chooseAll(all, shown))).toEqual(["z"]);
    expect(extentOf(other, shown)).toBe("none");
    expect(extentOf(choose(NOTHING, "a", shown, false), shown)).toBe("some");
  });
});
