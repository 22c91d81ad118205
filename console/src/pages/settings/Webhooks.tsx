import { ActionIcon, Button } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../../api/change";
import { deleteWebhook, useWebhooks, WEBHOOKS, type Webhook } from "../../api/webhooks";
import { Confirm } from "../../parts/Confirm";
import { TrashIcon } from "../../parts/icons";
import { Label } from "../../parts/Label";
import { RecordSection } from "../../parts/RecordSection";
import type { Column } from "../../parts/table/columns";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { WebhookDeliveries } from "./WebhookDeliveries";
import { WebhookDialog } from "./WebhookDialog";
import { type Standing, standingOf } from "./webhookForm";

const TONES: Partial<Record<Standing, "ok" | "warn">> = { delivers: "ok", fails: "warn" };

/** Where events are delivered to, and how that goes. */
export function Webhooks() {
  const words = useText().webhooks;
  const may = useMay();
  const webhooks = useWebhooks();
  const [adding, setAdding] = useState(false);
  const [changing, setChanging] = useState<Webhook>();
  const [looking, setLooking] = useState<Webhook>();
  const [leaving, setLeaving] = useState<Webhook>();
  const columns: Column<Webhook>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "url", title: words.url, className: "mono", cell: ({ url }) => url },
    {
      key: "types",
      title: words.types,
      cell: ({ types }) => types?.join(", ") ?? words.byDefault,
    },
    { key: "owner", title: words.owner, cell: ({ owner }) => owner },
    {
      key: "state",
      title: words.state,
      cell: webhook => {
        const standing = standingOf(webhook);
        return <Label tone={TONES[standing]}>{words.states[standing]}</Label>;
      },
    },
    {
      key: "act",
      title: "",
      right: true,
      cell: webhook => (
        <>
          <Button size="compact-sm" variant="default" onClick={() => setLooking(webhook)}>
            {words.deliveries}
          </Button>{" "}
          {may("webhooks:update") && (
            <Button size="compact-sm" variant="default" onClick={() => setChanging(webhook)}>
              {words.change}
            </Button>
          )}{" "}
          {may("webhooks:delete") && (
            <ActionIcon
              aria-label={words.deleteOf(webhook.name)}
              onClick={() => setLeaving(webhook)}
            >
              <TrashIcon />
            </ActionIcon>
          )}
        </>
      ),
    },
  ];
  return (
    <RecordSection
      words={words}
      columns={columns}
      reading={webhooks}
      onAdd={may("webhooks:create") ? () => setAdding(true) : undefined}
    >
      {adding && <WebhookDialog onClose={() => setAdding(false)} />}
      {changing && <WebhookDialog webhook={changing} onClose={() => setChanging(undefined)} />}
      {looking && <WebhookDeliveries webhook={looking} onClose={() => setLooking(undefined)} />}
      {leaving && <Leave webhook={leaving} onClose={() => setLeaving(undefined)} />}
    </RecordSection>
  );
}

function Leave({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const words = useText().webhooks;
  const change = useChange(() => deleteWebhook(webhook.id), { stale: [WEBHOOKS], onDone: onClose });
  return (
    <Confirm
      title={words.deleteTitle(webhook.name)}
      act={words.delete}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.deleteHint}
    </Confirm>
  );
}
