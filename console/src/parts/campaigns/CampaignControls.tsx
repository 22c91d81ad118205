import { Button } from "@mantine/core";
import { useState } from "react";
import type { Campaign, Wish } from "../../api/campaigns";
import { useChange } from "../../api/change";
import { isUnfinished } from "../../live/waves";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { ConfirmAction } from "../ConfirmAction";
import { PauseIcon, PlayIcon, StopIcon } from "../icons";

type Props = {
  campaign: Campaign;
  /** Raises `Problem`. */
  ask: (wish: Wish) => Promise<void>;
  /** What it means to abort it. */
  aborting: { title: string; explanation: string; action: string; wanted: string };
};

/** Pauses, resumes and aborts, for who may and while there is something to stop. */
export function CampaignControls({ campaign: { status }, ask, aborting }: Props) {
  const words = useText().campaigns;
  const may = useMay();
  const [asked, setAsked] = useState(false);
  const change = useChange(ask);
  if (!may("campaigns:update") || !isUnfinished(status)) return null;
  return (
    <>
      {status === "PAUSED" && (
        <Button
          loading={change.isPending}
          leftSection={<PlayIcon size={14} />}
          onClick={() => change.mutate("resume")}
        >
          {words.resume}
        </Button>
      )}
      {status !== "PAUSED" && status !== "AWAITING" && (
        <Button
          variant="default"
          loading={change.isPending}
          leftSection={<PauseIcon size={14} />}
          onClick={() => change.mutate("pause")}
        >
          {words.pause}
        </Button>
      )}
      <Button variant="default" leftSection={<StopIcon size={14} />} onClick={() => setAsked(true)}>
        {words.abort}
      </Button>
      {asked && (
        <ConfirmAction
          {...aborting}
          onConfirm={() => ask("abort")}
          onClose={() => setAsked(false)}
        />
      )}
    </>
  );
}
