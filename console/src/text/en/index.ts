/** The catalogue in English. A message with parameters is a function. One file an area of the console. */
import { applications } from "./applications";
import { approvals } from "./approvals";
import { approve } from "./approve";
import { audit } from "./audit";
import { campaigns } from "./campaigns";
import { certificates } from "./certificates";
import { commands } from "./commands";
import { common } from "./common";
import { configMaps } from "./configMaps";
import { device } from "./device";
import { enrollment } from "./enrollment";
import { firmware } from "./firmware";
import { fleet } from "./fleet";
import { groups } from "./groups";
import { health } from "./health";
import { organisations } from "./organisations";
import { registries } from "./registries";
import { schedules } from "./schedules";
import { secrets } from "./secrets";
import { settings } from "./settings";
import { shell } from "./shell";
import { users } from "./users";
import { webhooks } from "./webhooks";

export const en = {
  common,
  shell,
  fleet,
  commands,
  device,
  campaigns,
  firmware,
  applications,
  schedules,
  configMaps,
  registries,
  groups,
  users,
  audit,
  settings,
  secrets,
  webhooks,
  certificates,
  enrollment,
  health,
  approvals,
  approve,
  organisations,
};
