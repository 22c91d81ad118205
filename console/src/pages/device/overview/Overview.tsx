import { Link } from "@tanstack/react-router";
import { titleOf } from "../../../api/commands/specs";
import type { Device } from "../../../live/standing";
import { CommandStatus } from "../../../parts/CommandStatus";
import { Hint } from "../../../parts/Label";
import { Section } from "../../../parts/Page";
import { Sparkline } from "../../../parts/Sparkline";
import { TimeText } from "../../../parts/TimeText";
import { Listed } from "../../../parts/table/Listed";
import { useMay } from "../../../session/access";
import { useText } from "../../../text";
import { inOrder } from "../../../text/format";
import { useCommands } from "../commands/useCommands";
import classes from "../device.module.css";
import type { DeviceTab } from "../search";
import { Certificates } from "./Certificates";
import { Programs } from "./Programs";
import { Timeline } from "./Timeline";

const COMMANDS = 6;
const METRICS = 16;

export function Overview({ device }: { device: Device }) {
  const may = useMay();
  const measures = may("telemetry:list", { device });
  return (
    <div className={classes.columns} data-uneven>
      {measures && (
        <div className={classes.spanning}>
          <Timeline deviceId={device.id} />
        </div>
      )}
      {measures && <Metrics device={device} />}
      <div className={classes.stack}>
        <Programs device={device} />
        {may("commands:list", { device }) && <LastCommands deviceId={device.id} />}
      </div>
      {may("certificates:list", { device }) && <Certificates deviceId={device.id} />}
    </div>
  );
}

/** To another tab of the same device. */
function TabLink({
  tab,
  metric,
  children,
}: {
  tab: DeviceTab;
  metric?: string;
  children: React.ReactNode;
}) {
  return (
    <Link
      to="."
      search={metric === undefined ? { tab } : { tab, metrics: metric }}
      className={classes.link ?? ""}
    >
      {children}
    </Link>
  );
}

function Metrics({ device }: { device: Device }) {
  const text = useText().device;
  const metrics = Object.entries(device.metrics).sort(([a], [b]) => inOrder(a, b));
  return (
    <Section
      title={text.overview.metrics}
      actions={<TabLink tab="charts">{text.overview.charts}</TabLink>}
      flush
    >
      {metrics.length === 0 ? (
        <p className={classes.nothing}>{text.overview.noMetrics}</p>
      ) : (
        <ul className={classes.metrics}>
          {metrics.slice(0, METRICS).map(([name]) => (
            <li key={name}>
              <TabLink tab="charts" metric={name}>
                {name}
              </TabLink>
              <Sparkline deviceId={device.id} metric={name} />
            </li>
          ))}
        </ul>
      )}
      {metrics.length > METRICS && (
        <p className={classes.nothing}>{text.overview.more(metrics.length - METRICS)}</p>
      )}
    </Section>
  );
}

function LastCommands({ deviceId }: { deviceId: string }) {
  const { device: text, commands } = useText();
  const { records, reading } = useCommands(deviceId);
  return (
    <Section
      title={text.overview.commands}
      actions={<TabLink tab="commands">{text.overview.all}</TabLink>}
      flush
    >
      <Listed
        bare
        count={records.length}
        reading={reading}
        place={40}
        empty={<Hint>{commands.page.none}</Hint>}
      >
        <ul className={classes.last}>
          {records.slice(0, COMMANDS).map(record => (
            <li key={record.commandId}>
              <span className="truncate">{titleOf(record.type)}</span>
              <CommandStatus status={record.status} />
              <span className="dim">
                <TimeText at={record.createdAt} />
              </span>
            </li>
          ))}
        </ul>
      </Listed>
    </Section>
  );
}
