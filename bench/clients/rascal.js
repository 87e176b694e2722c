// rascal declares a topology: node rascal.js AMQP_URL VHOST FILE CONCURRENCY
const { readFileSync } = require('fs');
const { Broker, withDefaultConfig } = require('rascal');

const [url, vhost, file, concurrency] = process.argv.slice(2);
const document = JSON.parse(readFileSync(file));
const wanted = {
  connection: { url: `${url.replace('//', '//guest:guest@')}/${vhost}` },
  concurrency: Number(concurrency),
  exchanges: {},
  queues: {},
  bindings: {},
};
for (const { name, type } of document.exchanges) wanted.exchanges[name] = { type };
for (const item of document.queues) wanted.queues[item.name] = { options: { arguments: item.arguments } };
document.bindings.forEach((item, n) => {
  wanted.bindings[`b${n}`] = {
    source: item.source,
    destination: item.destination,
    destinationType: 'queue',
    bindingKey: item.routing_key,
    options: item.arguments,
  };
});
Broker.create(withDefaultConfig({ vhosts: { [vhost]: wanted } }), (error, broker) => {
  if (error) throw error;
  broker.shutdown((problem) => {
    if (problem) throw problem;
  });
});
