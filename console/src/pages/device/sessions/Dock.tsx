import { ActionIcon } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { BYTE_SESSIONS, readRecording } from "../../../api/byteSessions";
import { CrossIcon } from "../../../parts/icons";
import { ProblemLine } from "../../../parts/ProblemLine";
import { useText } from "../../../text";
import { type Cast, castOf } from "./cast";
import type { Docked } from "./dock";
import { fitting, makeScreen, openScreen, type Screen } from "./screen";
import classes from "./sessions.module.css";
import { ByteStream } from "./stream";

/** A terminal, a log or a recording, beside whatever the page shows. */
export function Dock({ docked, onClose }: { docked: Docked; onClose: () => void }) {
  const words = useText().device.sessions;
  const [state, setState] = useState<string>(words.open);
  return (
    <section className={classes.dock} aria-label={docked.title}>
      <div className={classes.dockHead}>
        <strong>{docked.title}</strong>
        <span className="dim" role="status">
          {state}
        </span>
        <ActionIcon variant="subtle" aria-label={words.close} onClick={onClose}>
          <CrossIcon size={16} />
        </ActionIcon>
      </div>
      {docked.what === "recording" ? (
        <Recording id={docked.id} onState={setState} />
      ) : (
        <Live path={docked.path} typing={docked.what === "terminal"} onState={setState} />
      )}
    </section>
  );
}

type Shown = { onState: (state: string) => void };

function Live({ path, typing, onState }: Shown & { path: string; typing: boolean }) {
  const words = useText().device.sessions;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const screen = makeScreen(typing);
    openScreen(screen, element);
    let ended: string | null = null;
    const stream = new ByteStream(path, {
      onSaid: said => {
        if (said.what === "output") screen.write(said.bytes);
        else if (said.what === "dropped") screen.writeln(words.dropped(said.lines));
        else ended = said.message === null ? words.done : words.failed(said.message);
      },
      onClosed: reason => onState(ended ?? words.ended(reason)),
    });
    screen.onData(text => stream.type(text));
    screen.onResize(({ cols, rows }) => stream.resize(cols, rows));
    const watcher = new ResizeObserver(() => {
      const { columns, rows } = fitting(screen, element);
      screen.resize(columns, rows);
    });
    watcher.observe(element);
    stream.resize(screen.cols, screen.rows);
    if (typing) screen.focus();
    return () => {
      watcher.disconnect();
      stream.close();
      screen.dispose();
    };
  }, [path, typing, onState, words]);
  return <div ref={place} className={classes.screen} />;
}

function Recording({ id, onState }: Shown & { id: string }) {
  const words = useText().device.sessions;
  const recording = useQuery({
    queryKey: [BYTE_SESSIONS, "recording", id],
    queryFn: async () => castOf(await readRecording(id)),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const place = useRef<HTMLDivElement>(null);
  const cast = recording.data;
  useEffect(() => {
    if (place.current === null || cast === undefined) return;
    const screen = makeScreen(false);
    screen.resize(cast.width, cast.height);
    openScreen(screen, place.current);
    onState(words.playing);
    const end = cast.truncated ? words.truncated : words.played;
    const stop = play(cast, screen, () => onState(end));
    return () => {
      stop();
      screen.dispose();
    };
  }, [cast, onState, words]);
  if (recording.error) return <ProblemLine error={recording.error} onRetry={recording.refetch} />;
  return <div ref={place} className={classes.screen} />;
}

/** Shows what was seen, when it was seen; returns what stops it. */
function play({ events }: Cast, screen: Screen, onEnd: () => void): () => void {
  let at = 0;
  let timer: ReturnType<typeof setTimeout>;
  const began = performance.now();
  const step = () => {
    const now = (performance.now() - began) / 1000;
    for (let event = events[at]; event !== undefined && event.at <= now; event = events[++at]) {
      if (event.what === "output") screen.write(event.text);
      else screen.resize(event.columns, event.rows);
    }
    const next = events[at];
    if (next === undefined) onEnd();
    else timer = setTimeout(step, (next.at - now) * 1000);
  };
  timer = setTimeout(step, 0);
  return () => clearTimeout(timer);
}
