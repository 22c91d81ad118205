// Node `ws` as its README has it: a server, a broadcast, and a map of who is who.
// node ws_hub.js PORT
const { createRequire } = require('module');
const WebSocket = createRequire(process.cwd() + '/')('ws');

const rooms = new Map();
const members = (room) => rooms.get(room) || rooms.set(room, new Set()).get(room);
const server = new WebSocket.WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1' });

server.on('connection', (socket) => {
  const joined = [];
  socket.on('error', () => socket.terminate());
  socket.on('close', () => joined.forEach((room) => room.delete(socket)));
  socket.on('message', (data, isBinary) => {
    const message = JSON.parse(data);
    if (message.type === 'join') {
      joined.push(members(message.room).add(socket));
      socket.send('{"type":"joined"}');
      return;
    }
    const room = message.type === 'scan' ? 'dashboards' : message.to;
    for (const member of members(room)) {
      if (member.readyState === WebSocket.OPEN) member.send(data, { binary: isBinary });
    }
  });
});
