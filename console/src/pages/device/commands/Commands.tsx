import { Button } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Wish } from "../../../api/commands/requests";
import { useRun } from "../../../live/commands/useRun";
import type { Device } from "../../../live/standing";
import { CommandForm } from "../../../parts/CommandForm";
import { CommandDrawer } from "../../../parts/CommandRecord";
import { Hint } from "../../../parts/Label";
import { Section } from "../../../parts/Page";
import { RunView } from "../../../parts/RunView";
import { Listed } from "../../../parts/table/Listed";
import { useMay } from "../../../session/access";
import { useText } from "../../../text";
import classes from "../device.module.css";
import { CommandRow } from "./CommandRow";
import { useCommands } from "./useCommands";

export function Commands({ device }: { device: Device }) {
  const { device: text, commands, common } = useText();
  const may = useMay();
  const { command } = useSearch({ from: "/devices/$deviceId" });
  const navigate = useNavigate();
  const history = useCommands(device.id);
  /** What the form begins with; each retry is a form of its own. */
  const [start, setStart] = useState<{ count: number; wish: Partial<Wish> }>({
    count: 0,
    wish: {},
  });
  const begin = (wish: Partial<Wish>) => setStart({ count: start.count + 1, wish });
  return (
    <div className={may("commands:create", { device }) ? classes.sided : undefined}>
      {may("commands:create", { device }) && (
        <Section title={commands.form.send}>
          <Panel key={start.count} device={device} start={start.wish} onStart={begin} />
        </Section>
      )}
      <Section title={text.commands.history} flush>
        <Listed
          bare
          count={history.records.length}
          reading={history.reading}
          place={40}
          empty={<Hint>{commands.page.none}</Hint>}
        >
          <ul className={classes.rows}>
            {history.records.map(record => (
              <CommandRow key={record.commandId} record={record} />
            ))}
          </ul>
        </Listed>
        {history.more && (
          <div className={classes.foot}>
            <Button variant="default" loading={history.loading} onClick={history.more}>
              {common.more}
            </Button>
          </div>
        )}
      </Section>
      {command !== undefined && (
        <CommandDrawer
          deviceId={device.id}
          commandId={command}
          onClose={() => void navigate({ to: ".", search: { tab: "commands" } })}
        />
      )}
    </div>
  );
}

type PanelProps = {
  device: Device;
  start: Partial<Wish>;
  onStart: (wish: Partial<Wish>) => void;
};

function Panel({ device, start, onStart }: PanelProps) {
  const run = useRun();
  if (run.started) {
    const { wish } = run.started;
    return (
      <RunView started={run.started} onRetry={() => onStart(wish)} onAnother={() => onStart({})} />
    );
  }
  return (
    <CommandForm
      targets={[device]}
      start={start}
      onSubmit={(wish, key) => run.start([device.id], wish, key)}
    />
  );
}
