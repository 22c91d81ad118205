/** The catalogue in English. A message with parameters is a function. One file an area of the console. */
import { commands } from "./commands";
import { common } from "./common";
import { device } from "./device";
import { firmware } from "./firmware";
import { fleet } from "./fleet";
import { shell } from "./shell";

export const en = { common, shell, fleet, commands, device, firmware };
