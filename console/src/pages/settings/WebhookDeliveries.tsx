import { Button, Modal, Stack } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../../api/change";
import {
  type Delivery,
  redeliver,
  rotateSecret,
  testWebhook,
  useDeliveries,
  WEBHOOKS,
  type Webhook,
} from "../../api/webhooks";
import { Actions, Hint, Label } from "../../parts/Label";
import { Secret } from "../../parts/Secret";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { wasTaken } from "./webhookForm";

/** What was delivered of late, and trying it by hand. */
export function WebhookDeliveries({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const text = useText();
  const words = text.webhooks;
  const may = useMay();
  const deliveries = useDeliveries(webhook.id);
  const [secret, setSecret] = useState<string>();
  const again = useChange((id: string) => redeliver(webhook.id, id), { stale: [WEBHOOKS] });
  const test = useChange(() => testWebhook(webhook.id), { stale: [WEBHOOKS] });
  const rotate = useChange(
    async () => setSecret((await rotateSecret(webhook.id)).secret ?? undefined),
    { stale: [WEBHOOKS] },
  );
  const columns: Column<Delivery>[] = [
    { key: "at", title: words.at, cell: ({ at }) => <TimeText at={at} /> },
    { key: "count", title: words.count, right: true, cell: ({ count }) => count },
    { key: "attempts", title: words.attempts, right: true, cell: ({ attempts }) => attempts },
    { key: "answer", title: words.answer, cell: delivery => <Answered delivery={delivery} /> },
    {
      key: "act",
      title: "",
      right: true,
      cell: ({ id, at }) =>
        may("webhooks:update") && (
          <Button
            size="compact-sm"
            variant="default"
            aria-label={words.againOf(at)}
            loading={again.isPending && again.variables === id}
            onClick={() => again.mutate(id)}
          >
            {words.again}
          </Button>
        ),
    },
  ];
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={words.deliveriesOf(webhook.name)}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <Stack gap="sm">
        <DataTable
          bare
          label={words.deliveriesOf(webhook.name)}
          columns={columns}
          rows={deliveries.data ?? []}
          keyOf={({ id }) => id}
          reading={deliveries}
          place={40}
          empty={<Hint>{words.noDeliveries}</Hint>}
        />
        {secret && <Secret label={words.secret} value={secret} hint={words.rotateHint} />}
        {may("webhooks:update") && (
          <Actions>
            <Button
              variant="default"
              loading={rotate.isPending}
              onClick={() => rotate.mutate(undefined)}
            >
              {words.rotate}
            </Button>
            <Button loading={test.isPending} onClick={() => test.mutate(undefined)}>
              {words.test}
            </Button>
          </Actions>
        )}
      </Stack>
    </Modal>
  );
}

function Answered({ delivery }: { delivery: Delivery }) {
  const words = useText().webhooks;
  const said = delivery.status ?? delivery.error ?? words.noAnswer;
  return (
    <span title={delivery.answer ?? undefined}>
      <Label tone={wasTaken(delivery) ? "ok" : "warn"}>{said}</Label>{" "}
      {delivery.pending && words.waits}
    </span>
  );
}
