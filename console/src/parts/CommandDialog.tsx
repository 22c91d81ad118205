import { Modal } from "@mantine/core";
import { useState } from "react";
import type { Wish } from "../api/commands/requests";
import { useRun } from "../live/commands/useRun";
import { fleet } from "../live/fleet";
import type { Device } from "../live/standing";
import { useText } from "../text";
import { CommandForm } from "./CommandForm";
import { RunView, runTitle } from "./RunView";

type Props = {
  targets: readonly Device[];
  /** Begins with this command, instead of a choice. */
  start?: Partial<Wish>;
  onClose: () => void;
};

/** Send a command to these devices, then watch what becomes of it. */
export function CommandDialog({ targets, start, onClose }: Props) {
  const text = useText();
  const run = useRun();
  const [next, setNext] = useState<{ targets: readonly Device[]; start: Partial<Wish> }>({
    targets,
    start: start ?? {},
  });
  const { started } = run;
  const [first] = next.targets;
  const title =
    next.targets.length === 1 && first
      ? text.commands.form.sendTo(first.name)
      : `${text.commands.form.send}: ${text.common.devices(next.targets.length)}`;

  const again = (devices: readonly Device[], wish: Partial<Wish>) => {
    setNext({ targets: devices, start: wish });
    run.reset();
  };

  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={started ? runTitle(started, text) : title}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {started ? (
        <RunView
          started={started}
          onRetry={ids =>
            again(
              ids.flatMap(id => fleet.device(id) ?? []),
              started.wish,
            )
          }
          onAnother={() => again(targets, {})}
        />
      ) : (
        <CommandForm
          targets={next.targets}
          start={next.start}
          onSubmit={(wish, key) =>
            run.start(
              next.targets.map(({ id }) => id),
              wish,
              key,
            )
          }
        />
      )}
    </Modal>
  );
}
