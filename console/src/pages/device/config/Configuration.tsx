import { Alert, Button, Switch } from "@mantine/core";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useChange } from "../../../api/change";
import { api, data, page, type Schemas } from "../../../api/client";
import { readAgain } from "../../../api/readAgain";
import type { Device } from "../../../live/standing";
import { useLiveRead } from "../../../live/useLiveRead";
import { type Document, diff } from "../../../parts/document";
import { Empty } from "../../../parts/Empty";
import { EditIcon, SettingsIcon, WarningIcon } from "../../../parts/icons";
import { Hint } from "../../../parts/Label";
import { Loading } from "../../../parts/Loading";
import { useGroupsByName } from "../../../parts/names";
import { Section } from "../../../parts/Page";
import { ProblemLine } from "../../../parts/ProblemLine";
import { Listed } from "../../../parts/table/Listed";
import { useMay } from "../../../session/access";
import { useText } from "../../../text";
import device_ from "../device.module.css";
import classes from "./config.module.css";
import { DiffTable } from "./DiffTable";
import { PushDialog } from "./PushDialog";
import { Pushes } from "./Pushes";

type Config = Schemas["Config"];

/** The source of what is the device's own. */
const OWN = "own";

export function Configuration({ device }: { device: Device }) {
  const text = useText();
  const words = text.device.config;
  const may = useMay();
  const queries = useQueryClient();
  const [editing, setEditing] = useState(false);
  const path = { id: device.id };
  const config = useQuery({
    queryKey: ["config", device.id],
    queryFn: () => data(api.GET("/api/v1/devices/{id}/config", { params: { path } })),
  });
  const pushes = useInfiniteQuery({
    queryKey: ["config-history", device.id],
    initialPageParam: "",
    queryFn: ({ pageParam }) => {
      const query = pageParam === "" ? { limit: 20 } : { limit: 20, cursor: pageParam };
      return page(api.GET("/api/v1/devices/{id}/config/history", { params: { path, query } }));
    },
    getNextPageParam: last => last.next,
  });
  const again = () => {
    void readAgain(queries, ["config", device.id]);
    void readAgain(queries, ["config-history", device.id]);
  };
  useLiveRead(
    { deviceIds: [device.id], types: ["command_accepted", "command_result", "status"] },
    {
      // A push moves what is desired; its end, and a new line, what is reported.
      onEvent: event => {
        if (
          event.type === "status" ? event.connected === true : event.commandType === "push_config"
        )
          again();
      },
      read: again,
    },
  );
  const problem = config.isError && (
    <ProblemLine error={config.error} onRetry={() => void config.refetch()} />
  );
  if (config.data === undefined) return problem || <Loading height={260} />;
  const changes = pushes.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <div className={classes.config}>
      {problem}
      <Standing
        config={config.data}
        action={
          <>
            {may("configurations:update", { device }) &&
              (config.data.status === "failed" || config.data.status === "rolled_back") && (
                <Retry deviceId={device.id} />
              )}
            {may("commands/push_config:create", { device }) && (
              <Button leftSection={<EditIcon size={14} />} onClick={() => setEditing(true)}>
                {words.edit}
              </Button>
            )}
          </>
        }
      />
      <Compared config={config.data} />
      <Section title={words.history} flush>
        <Listed
          bare
          count={changes.length}
          reading={pushes}
          place={40}
          empty={<Hint>{words.noHistory}</Hint>}
        >
          <Pushes changes={changes} />
        </Listed>
        {pushes.hasNextPage && (
          <div className={device_.foot}>
            <Button
              variant="default"
              loading={pushes.isFetchingNextPage}
              onClick={() => void pushes.fetchNextPage()}
            >
              {text.common.more}
            </Button>
          </div>
        )}
      </Section>
      {editing && (
        <PushDialog device={device} config={config.data} onClose={() => setEditing(false)} />
      )}
    </div>
  );
}

const LOOK: Record<string, string> = {
  in_sync: "var(--ok)",
  pending: "var(--info)",
  failed: "var(--bad)",
  rolled_back: "var(--warn)",
};

function Standing({ config, action }: { config: Config; action: React.ReactNode }) {
  const words = useText().device.config;
  const never = config.desiredVersion === 0 && !config.reportedVersion;
  return (
    <div className={classes.standing}>
      <div className={classes.state}>
        <strong
          style={{ color: never ? undefined : LOOK[config.status] }}
          data-config={config.status}
        >
          {never ? words.never : (words.states[config.status] ?? config.status)}
        </strong>
        <span className="dim">{never ? words.neverHint : words.means[config.status]}</span>
      </div>
      {action}
      {config.error !== null && (
        <Alert
          className={classes.why ?? ""}
          color={config.status === "failed" ? "red" : "yellow"}
          icon={<WarningIcon />}
          p="xs"
        >
          {config.error}
        </Alert>
      )}
    </div>
  );
}

/** Have the device try again what it could not take. */
function Retry({ deviceId }: { deviceId: string }) {
  const words = useText().device.config;
  const path = { id: deviceId };
  const change = useChange(
    () => data(api.POST("/api/v1/devices/{id}/config/retry", { params: { path } })),
    { stale: [["config", deviceId]], done: words.retried },
  );
  return (
    <Button variant="default" loading={change.isPending} onClick={() => change.mutate(undefined)}>
      {words.retry}
    </Button>
  );
}

function Compared({ config }: { config: Config }) {
  const words = useText().device.config;
  const [onlyChanges, setOnlyChanges] = useState(false);
  const names = useGroupsByName();
  const sources = config.from;
  const isShared = Object.values(sources).some(source => source !== OWN);
  const rows = diff(config.desired as Document, config.reported as Document);
  const different = rows.filter(({ kind, parent }) => kind !== "same" && !parent).length;
  return (
    <Section
      title={words.compared}
      flush
      actions={
        <>
          <span className={`dim ${classes.count}`}>
            {different === 0 ? words.equal : words.different(different)}
          </span>
          <Switch
            size="xs"
            label={words.onlyChanges}
            checked={onlyChanges}
            onChange={event => setOnlyChanges(event.currentTarget.checked)}
          />
        </>
      }
    >
      {rows.length === 0 ? (
        <Empty icon={SettingsIcon} title={words.empty}>
          <p>{words.emptyHint}</p>
        </Empty>
      ) : (
        <DiffTable
          rows={onlyChanges ? rows.filter(({ kind, parent }) => kind !== "same" || parent) : rows}
          left={words.desired(config.desiredVersion)}
          right={words.reported(config.reportedVersion)}
          source={
            isShared
              ? ({ path }) => {
                  const source = sources[path.join(".")];
                  if (source === undefined) return "";
                  return source === OWN ? words.ownPart : (names.get(source) ?? source);
                }
              : undefined
          }
        />
      )}
    </Section>
  );
}
