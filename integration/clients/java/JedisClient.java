import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import redis.clients.jedis.AbstractTransaction;
import redis.clients.jedis.Connection;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.csc.CacheConfig;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisNoScriptException;
import redis.clients.jedis.params.SetParams;

/** Jedis, as an application uses it. */
public final class JedisClient {
    private static final String ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])";

    private final RedisClient client = RedisClient.create(Common.URL);
    private String addSha;

    public static void main(String[] args) {
        Common.main(() -> {
            Common.begin("Jedis", version());
            new JedisClient().all();
            return null;
        });
    }

    private static String version() throws Exception {
        Properties properties = new Properties();
        properties.load(RedisClient.class.getResourceAsStream("pom.properties"));
        return properties.getProperty("version");
    }

    private void all() throws Exception {
        client.ping();
        Common.passed("connect");
        boolean caches = since74();
        if (!caches) {
            System.out.println("note the library's client-side caching wants Redis 7.4");
        }
        addSha = client.scriptLoad(ADD);
        steps(1, caches);
        Common.restart(this::served);
        steps(2, caches);
        client.close();
    }

    private boolean since74() {
        for (String line : client.info("server").split("\r\n")) {
            if (line.startsWith("redis_version:")) {
                String[] parts = line.substring("redis_version:".length()).split("\\.");
                return Integer.parseInt(parts[0]) * 100 + Integer.parseInt(parts[1]) >= 704;
            }
        }
        throw new AssertionError("INFO names no version");
    }

    private void steps(int round, boolean caches) throws Exception {
        Common.step("get_set", round, this::getSet);
        Common.step("pipeline", round, this::pipeline);
        Common.step("transaction", round, this::transaction);
        Common.step("publish_subscribe", round, this::publishSubscribe);
        Common.step("blocking_pop", round, this::blockingPop);
        Common.step("script", round, this::script);
        if (caches) {
            Common.step("client_side_caching", round, this::clientSideCaching);
        }
        if (Common.COUNTERS) {
            Common.step("counters", round, name -> counters(name, round));
        }
    }

    /** Whether Redis has restarted and each of the pool's connections works. */
    private boolean served() {
        List<Connection> all = new ArrayList<>();
        try {
            for (int i = Math.max(1, client.getPool().getNumIdle()); i > 0; i--) {
                all.add(client.getPool().getResource());
            }
            all.forEach(Connection::ping);
        } finally {
            all.forEach(Connection::close);
        }
        return "1".equals(client.get("restarts"));
    }

    private void getSet(String name) {
        Common.equal(client.set(name, "välue", SetParams.setParams().ex(100)), "OK");
        Common.equal(client.get(name), "välue");
        Common.equal(client.get(name + ":missing"), null);
        client.hset(name + ":hash", Map.of("a", "1", "b", "2"));
        Common.equal(client.hgetAll(name + ":hash"), Map.of("a", "1", "b", "2"));
        client.zadd(name + ":sorted", 1.5, "a");
        Common.equal(client.zscore(name + ":sorted", "a"), 1.5);
        try {
            client.incr(name);
            throw new AssertionError("INCR of a text was not refused");
        } catch (JedisDataException e) {
            Common.equal(e.getMessage().contains("not an integer"), true);
        }
    }

    private void pipeline(String name) {
        try (Pipeline pipe = client.pipelined()) {
            for (int i = 0; i < 1000; i++) {
                pipe.incr(name);
            }
            List<Object> replies = pipe.syncAndReturnAll();
            for (int i = 0; i < 1000; i++) {
                Common.equal(replies.get(i), i + 1L);
            }
        }
    }

    private void transaction(String name) {
        client.set(name, "1");
        for (int attempt = 1; ; attempt++) {
            try (AbstractTransaction tx = client.transaction(false)) {
                tx.watch(name);
                int value = Integer.parseInt(client.get(name));
                if (attempt == 1) {
                    client.incr(name); // what another client does in between
                }
                tx.multi();
                tx.set(name, String.valueOf(value * 2));
                tx.get(name);
                List<Object> replies = tx.exec();
                if (replies == null) {
                    continue;
                }
                Common.equal(replies, List.of("OK", "4"));
                Common.equal(attempt, 2);
                return;
            }
        }
    }

    private void publishSubscribe(String name) throws Exception {
        List<String> got = Collections.synchronizedList(new ArrayList<>());
        JedisPubSub subscriber = new JedisPubSub() {
            @Override
            public void onMessage(String channel, String message) {
                got.add(message);
            }
        };
        CompletableFuture<Void> listening = CompletableFuture.runAsync(() -> client.subscribe(subscriber, name));
        Common.until("the subscription", () -> client.publish(name, "first") == 1);
        for (int i = 0; i < 9; i++) {
            Common.equal(client.publish(name, String.valueOf(i)), 1L);
        }
        Common.until("the messages", () -> got.size() == 10);
        Common.equal(got, List.of("first", "0", "1", "2", "3", "4", "5", "6", "7", "8"));
        subscriber.unsubscribe();
        listening.get(Common.PATIENCE, TimeUnit.SECONDS);
        Common.equal(client.publish(name, "late"), 0L);
    }

    private void blockingPop(String name) throws Exception {
        Common.equal(client.blpop(0.05, name), null);
        CompletableFuture<List<String>> popped = CompletableFuture.supplyAsync(() -> client.blpop(Common.PATIENCE, name));
        Common.until("a blocked client", () -> !client.info("clients").contains("blocked_clients:0"));
        client.rpush(name, "job");
        Common.equal(popped.get(Common.PATIENCE, TimeUnit.SECONDS), List.of(name, "job"));
    }

    private Object add(String name) {
        try {
            return client.evalsha(addSha, 1, name, "5");
        } catch (JedisNoScriptException unknown) {
            return client.eval(ADD, 1, name, "5");
        }
    }

    private void script(String name) {
        Common.equal(add(name), 5L);
        client.scriptFlush();
        Common.equal(add(name), 10L);
    }

    private void clientSideCaching(String name) throws Exception {
        HostAndPort address = HostAndPort.from(Common.URL.substring("redis://".length()));
        try (RedisClient caching = RedisClient.builder().hostAndPort(address)
                .clientConfig(DefaultJedisClientConfig.builder().protocol(RedisProtocol.RESP3).build())
                .cacheConfig(CacheConfig.builder().build()).build()) {
            client.set(name, "old");
            Common.equal(caching.get(name), "old");
            Common.equal(caching.get(name), "old");
            client.set(name, "new");
            Common.until("the new value", () -> "new".equals(caching.get(name)));
        }
    }

    private static Object command(RedisClient client, String command, String... args) {
        return client.sendCommand(() -> command.getBytes(), args);
    }

    private void counters(String name, int round) {
        Common.equal(command(client, "DKC.INC", "total"), (long) round);
        Common.equal(command(client, "DK.INC", "c" + round, "3"), List.of(3L, 3L));
        Common.equal(command(client, "DK.GET", "c" + round), List.of(3L, 3L));
        try (Pipeline pipe = client.pipelined()) {
            pipe.sendCommand(() -> "DKC.INC".getBytes(), name);
            pipe.set(name, "x");
            pipe.sendCommand(() -> "DKC.GET".getBytes(), name);
            Common.equal(pipe.syncAndReturnAll(), List.of(1L, "OK", 1L));
        }
    }
}
