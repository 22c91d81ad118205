import { CheckIcon, WarningIcon } from "../../parts/icons";
import { Loading } from "../../parts/Loading";
import { Page } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { type Text, useText } from "../../text";
import { number } from "../../text/format";
import { type Advice, advice, type Health } from "./advice";
import { CloudQueue } from "./CloudQueue";
import { useCloud, useHealth } from "./data";
import { FleetVerdict } from "./FleetVerdict";
import classes from "./health.module.css";
import { ReplicaCard } from "./ReplicaCard";

export function HealthPage() {
  const text = useText();
  const words = text.health;
  const { data: health, histories, ...query } = useHealth();
  const cloud = useCloud();
  return (
    <Page
      title={text.shell.pages.health}
      aside={health && <span className="dim">{words.replicas(health.replicas.length)}</span>}
    >
      {query.isError && <ProblemLine error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <Loading height={320} />}
      {health && (
        <>
          <Attention found={advice(health, cloud.data)} cloudKnown={cloud.data !== undefined} />
          <FleetVerdict />
          <Totals health={health} />
          <div className={classes.cards}>
            {health.replicas.map(replica => (
              <ReplicaCard
                key={replica.id}
                replica={replica}
                serverTime={health.serverTime}
                charts={histories.get(replica.id)}
              />
            ))}
          </div>
        </>
      )}
      {cloud.data && <CloudQueue cloud={cloud.data} />}
    </Page>
  );
}

function Attention({ found, cloudKnown }: { found: readonly Advice[]; cloudKnown: boolean }) {
  const words = useText().health;
  if (found.length === 0) {
    return (
      <div className={classes.well} role="status">
        <CheckIcon /> {cloudKnown ? words.well : words.wellWithoutCloud}
      </div>
    );
  }
  return (
    <section className={classes.attention} aria-label={words.advice.title}>
      <h2>{words.advice.title}</h2>
      <ul>
        {found.map(one => (
          <li key={`${one.about}${"id" in one ? one.id : ""}`}>
            <WarningIcon size={16} />
            <span>{sentence(one, words)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function sentence(one: Advice, { advice: words }: Text["health"]): string {
  switch (one.about) {
    case "redis":
    case "pool":
    case "draining":
    case "login":
    case "anchor":
      return words[one.about](one.id);
    case "dead":
    case "oldest":
    case "unsealed":
      return words[one.about](one.value);
    default:
      return words[one.about](one.id, one.value);
  }
}

function Totals({ health }: { health: Health }) {
  const words = useText().health;
  const { devices, connected, unfinishedCommands, cloudQueue } = health.totals;
  const sum = (name: "eventsPerSecond" | "commandsPerSecond") =>
    health.replicas.reduce((total, { figures }) => total + (figures?.[name] ?? 0), 0);
  const share = devices > 0 ? connected / devices : 0;
  const tiles: [string, number, string?][] = [
    [words.totals.devices, devices],
    [words.totals.connected, connected, words.ofDevices(share)],
    [words.totals.events, Math.round(sum("eventsPerSecond") * 10) / 10],
    [words.totals.commands, Math.round(sum("commandsPerSecond") * 10) / 10],
    [words.totals.unfinishedCommands, unfinishedCommands],
    [words.totals.cloudQueue, cloudQueue],
  ];
  return (
    <dl className={classes.tiles}>
      {tiles.map(([name, value, more]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {number(value)}
            {more && <small>{more}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
