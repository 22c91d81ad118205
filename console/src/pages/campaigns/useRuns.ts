/** Campaigns of every kind as they go on. */
import { RUNS, type Run, readRun, readRunDevices, readRuns, runKey } from "../../api/runs";
import { useCampaign, useCampaignRows, useCampaigns } from "../../live/useCampaigns";

export const useRuns = () => useCampaigns(RUNS, readRuns);

export const useRun = (id: string) => useCampaign(runKey(id), () => readRun(id));

export const useRunRows = (run: Run) =>
  useCampaignRows(run, ["campaign-devices", run.id], () => readRunDevices(run.id));
