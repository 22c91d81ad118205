import type { Device } from "../../../live/standing";
import { CheckIcon, CrossIcon } from "../../../parts/icons";
import { Section } from "../../../parts/Page";
import { TimeText } from "../../../parts/TimeText";
import { useText } from "../../../text";
import classes from "../device.module.css";

/** The programs that the device is made of, and whether each is ready; nothing without any. */
export function Programs({ device }: { device: Device }) {
  const text = useText().device.programs;
  if (device.agents.length === 0) return null;
  return (
    <Section title={text.title} flush>
      <ul className={classes.last} data-programs>
        {device.agents.map(agent => (
          <li key={agent.name}>
            <span className={classes.program}>
              <span className="mono truncate">{agent.name}</span>
              {agent.detail && <span className="dim truncate">{agent.detail}</span>}
            </span>
            <span className={classes.presence} data-connected={agent.ready}>
              {agent.ready ? <CheckIcon size={14} /> : <CrossIcon size={14} />}
              {agent.ready ? text.ready : text.notReady}
            </span>
            <span className="dim">
              <TimeText at={agent.since} />
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
