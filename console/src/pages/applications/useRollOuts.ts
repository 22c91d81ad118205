/** Roll-outs as they go on. */
import {
  ROLLOUTS,
  type RollOut,
  readRollOut,
  readRollOutDevices,
  readRollOuts,
  rollOutKey,
} from "../../api/rollOuts";
import { useCampaign, useCampaignRows, useCampaigns } from "../../live/useCampaigns";

export const useRollOuts = (name: string) =>
  useCampaigns([ROLLOUTS, name], query => readRollOuts(name, query));

export const useRollOut = (name: string, id: string) =>
  useCampaign(rollOutKey(id), () => readRollOut(name, id));

export const useRollOutRows = (rollOut: RollOut) =>
  useCampaignRows(rollOut, ["rollout-devices", rollOut.id], () =>
    readRollOutDevices(rollOut.application, rollOut.id),
  );
