import { expect, it } from "vitest";
import type { Workload } from "../../../api/applications";
import { assignedOf, volumesOf } from "./assigned";

const workload = (application: string, service: string, desired: string | null = "running") =>
  ({ application, service, desired, revision: "r1" }) as Workload;

it("names each application once, and none that is only left over", () => {
  const found = assignedOf([
    workload("shop", "web"),
    workload("shop", "db"),
    workload("till", "app", "stopped"),
    workload("old", "app", null),
  ]);
  expect(found.map(({ application }) => application)).toEqual(["shop", "till"]);
});

it("knows the volumes of a revision that was read", () => {
  expect(volumesOf({ compose: { volumes: { data: {}, cache: {} } } })).toEqual(["data", "cache"]);
  expect(volumesOf({ compose: {} })).toEqual([]);
  expect(volumesOf(undefined)).toBeNull();
});
