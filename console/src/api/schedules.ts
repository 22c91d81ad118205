/** Schedules, what is to come of one, and its runs. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type Awaiting, isAwaiting } from "./approvals";
import { api, data, envelope, page, type Schemas } from "./client";

export type Schedule = Schemas["ScheduleItem"];
export type ScheduleBody = Schemas["ScheduleBody"];
export type ScheduleRun = Schemas["ScheduleRunItem"];

export const SCHEDULES = ["schedules"] as const;
/** The newest runs that are shown. */
const SHOWN = 50;

export const useSchedules = () =>
  useQuery({
    queryKey: SCHEDULES,
    queryFn: async () =>
      (await page(api.GET("/api/v1/schedules", { params: { query: { limit: 500 } } }))).items,
  });

const of = (id: string) => ({ params: { path: { id } } });

export const useRuns = (id: string) =>
  useQuery({
    queryKey: [...SCHEDULES, id, "runs"],
    queryFn: async () => {
      const params = { path: { id }, query: { limit: SHOWN } };
      return (await page(api.GET("/api/v1/schedules/{id}/runs", { params }))).items;
    },
  });

/** The times at which an expression comes next. */
export const usePreview = (cron: string, timezone: string) =>
  useQuery({
    queryKey: ["schedule-preview", cron, timezone],
    enabled: cron !== "" && timezone !== "",
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: () => data(api.POST("/api/v1/schedules/preview", { body: { cron, timezone } })),
  });

/** The id of the approval that it waits for; null for one that is made. */
export async function makeSchedule(body: ScheduleBody): Promise<string | null> {
  const made = await data<Schedule | Awaiting>(api.POST("/api/v1/schedules", { body }));
  return isAwaiting(made) ? made.approvalId : null;
}

export const deleteSchedule = (id: string) =>
  envelope(api.DELETE("/api/v1/schedules/{id}", of(id)));

export const runSchedule = (id: string) => data(api.POST("/api/v1/schedules/{id}/run", of(id)));
