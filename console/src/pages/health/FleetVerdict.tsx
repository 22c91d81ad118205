import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useFleet } from "../../live/fleet";
import { useHubNow } from "../../live/hubClock";
import { CheckIcon, WarningIcon } from "../../parts/icons";
import { ProblemLine } from "../../parts/ProblemLine";
import { useText } from "../../text";
import { absoluteTime } from "../../text/format";
import { useRecentDeployments, useStuck } from "./data";
import { connectedOf, type FleetAdvice, fleetAdvice } from "./fleetAdvice";
import classes from "./health.module.css";

/** How the fleet is, beside how the hub is: every finding leads to whom it concerns. */
export function FleetVerdict() {
  const words = useText().health.fleet;
  const now = useHubNow();
  const devices = useFleet(state => state.devices);
  const whole = useFleet(state => state.whole);
  const problem = useFleet(state => state.problem);
  useFleet(state => state.version);
  const stuck = useStuck(now);
  const deployments = useRecentDeployments();
  const failed = problem ?? stuck.error ?? deployments.error;
  if (failed) return <ProblemLine error={failed} />;
  if (!whole || !stuck.data || !deployments.data) return null;
  const found = fleetAdvice(devices.values(), stuck.data, deployments.data, now);
  if (found.length === 0) {
    const { total, connected } = connectedOf(devices.values());
    return (
      <div className={classes.well} role="status">
        <CheckIcon /> {total === 0 ? words.empty : words.well(connected, total)}
      </div>
    );
  }
  return (
    <section className={classes.attention} aria-label={words.title}>
      <h2>{words.title}</h2>
      <ul>
        {found.map(one => (
          <li key={`${one.about}${"id" in one ? one.id : ""}${"status" in one ? one.status : ""}`}>
            <WarningIcon size={16} />
            <Finding found={one} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Finding({ found }: { found: FleetAdvice }): ReactNode {
  const text = useText();
  const words = text.health.fleet;
  switch (found.about) {
    case "none":
      return (
        <Link to="/devices" search={{ connected: false }}>
          {words.none(found.value)}
        </Link>
      );
    case "error":
      return (
        <Link to="/devices" search={{ status: "ERROR" }}>
          {words.error(found.value)}
        </Link>
      );
    case "together":
      return (
        <Link to="/devices" search={{ connected: false, sort: "-lastSeen" }}>
          {words.together(found.value, absoluteTime(found.at))}
        </Link>
      );
    case "stuck":
      return (
        <Link to="/commands" search={{ status: found.status }}>
          {words.stuck(found.value, text.commands.states[found.status] ?? found.status)}
        </Link>
      );
    case "deployment":
      return (
        <Link to="/firmware/deployments/$deploymentId" params={{ deploymentId: found.id }}>
          {words.deployment(found.name, found.value)}
        </Link>
      );
  }
}
