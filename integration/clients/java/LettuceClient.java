import io.lettuce.core.KeyValue;
import io.lettuce.core.LettuceFutures;
import io.lettuce.core.LettuceVersion;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.SetArgs;
import io.lettuce.core.TrackingArgs;
import io.lettuce.core.TransactionResult;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.output.ArrayOutput;
import io.lettuce.core.output.CommandOutput;
import io.lettuce.core.output.IntegerOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.ProtocolKeyword;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.support.caching.CacheAccessor;
import io.lettuce.core.support.caching.CacheFrontend;
import io.lettuce.core.support.caching.ClientSideCaching;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** Lettuce, as an application uses it: one connection for most, which reconnects by itself. */
public final class LettuceClient {
    private static final String ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])";

    private final RedisClient redis = RedisClient.create(Common.URL);
    private final StatefulRedisConnection<String, String> connection = redis.connect();
    private final RedisCommands<String, String> client = connection.sync();
    private final StatefulRedisConnection<String, String> blocked = redis.connect();
    private final StatefulRedisPubSubConnection<String, String> subscriber = redis.connectPubSub();
    private final List<String> heard = Collections.synchronizedList(new ArrayList<>());
    private String addSha;

    public static void main(String[] args) {
        Common.main(() -> {
            Common.begin("Lettuce", LettuceVersion.getVersion().split("[./]RELEASE|/")[0]);
            new LettuceClient().all();
            return null;
        });
    }

    private void all() throws Exception {
        client.ping();
        Common.passed("connect");
        subscriber.addListener(new RedisPubSubAdapter<String, String>() {
            @Override
            public void message(String channel, String message) {
                heard.add(message);
            }
        });
        subscriber.sync().subscribe("lasting");
        addSha = client.scriptLoad(ADD);
        steps(1);
        Common.restart(() -> "1".equals(client.get("restarts")) && "PONG".equals(blocked.sync().ping()));
        steps(2);
        redis.shutdown(Duration.ZERO, Duration.ofSeconds(2));
    }

    private void steps(int round) throws Exception {
        Common.step("get_set", round, this::getSet);
        Common.step("pipeline", round, this::pipeline);
        Common.step("transaction", round, this::transaction);
        Common.step("publish_subscribe", round, this::publishSubscribe);
        Common.step("lasting_subscription", round, this::lastingSubscription);
        Common.step("blocking_pop", round, this::blockingPop);
        Common.step("script", round, this::script);
        Common.step("client_side_caching", round, this::clientSideCaching);
        if (Common.COUNTERS) {
            Common.step("counters", round, name -> counters(name, round));
        }
    }

    private void getSet(String name) {
        Common.equal(client.set(name, "välue", SetArgs.Builder.ex(100)), "OK");
        Common.equal(client.get(name), "välue");
        Common.equal(client.get(name + ":missing"), null);
        client.hset(name + ":hash", Map.of("a", "1", "b", "2"));
        Common.equal(client.hgetall(name + ":hash"), Map.of("a", "1", "b", "2"));
        client.zadd(name + ":sorted", 1.5, "a");
        Common.equal(client.zscore(name + ":sorted", "a"), 1.5);
        try {
            client.incr(name);
            throw new AssertionError("INCR of a text was not refused");
        } catch (RedisCommandExecutionException e) {
            Common.equal(e.getMessage().contains("not an integer"), true);
        }
    }

    private void pipeline(String name) throws Exception {
        List<RedisFuture<Long>> replies = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            replies.add(connection.async().incr(name));
        }
        Common.equal(LettuceFutures.awaitAll(Duration.ofSeconds(Common.PATIENCE), replies.toArray(new RedisFuture[0])), true);
        for (int i = 0; i < 1000; i++) {
            Common.equal(replies.get(i).get(), i + 1L);
        }
    }

    private void transaction(String name) {
        client.set(name, "1");
        try (StatefulRedisConnection<String, String> isolated = redis.connect()) {
            RedisCommands<String, String> tx = isolated.sync();
            for (int attempt = 1; ; attempt++) {
                tx.watch(name);
                int value = Integer.parseInt(tx.get(name));
                if (attempt == 1) {
                    client.incr(name); // what another client does in between
                }
                tx.multi();
                tx.set(name, String.valueOf(value * 2));
                tx.get(name);
                TransactionResult result = tx.exec();
                if (result.wasDiscarded()) {
                    continue;
                }
                Common.equal(result.stream().toList(), List.of("OK", "4"));
                Common.equal(attempt, 2);
                return;
            }
        }
    }

    private void publishSubscribe(String name) throws Exception {
        heard.clear();
        subscriber.sync().subscribe(name);
        for (int i = 0; i < 10; i++) {
            Common.equal(client.publish(name, String.valueOf(i)), 1L);
        }
        Common.until("the messages", () -> heard.size() == 10);
        Common.equal(heard, List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
        subscriber.sync().unsubscribe(name);
        Common.until("no subscriber", () -> client.publish(name, "late") == 0);
    }

    /** The subscription made at the beginning hears what is published, also when Redis has restarted since. */
    private void lastingSubscription(String name) throws Exception {
        Common.until("the subscription", () -> client.publish("lasting", name) > 0);
        Common.until("the message", () -> heard.contains(name));
    }

    private void blockingPop(String name) throws Exception {
        Common.equal(blocked.sync().blpop(0.05, name), null);
        RedisFuture<KeyValue<String, String>> popped = blocked.async().blpop(Common.PATIENCE, name);
        Common.until("a blocked client", () -> !client.info("clients").contains("blocked_clients:0"));
        client.rpush(name, "job");
        Common.equal(popped.get(Common.PATIENCE, TimeUnit.SECONDS), KeyValue.just(name, "job"));
    }

    private Object add(String name) {
        String[] keys = {name};
        try {
            return client.evalsha(addSha, ScriptOutputType.INTEGER, keys, "5");
        } catch (RedisNoScriptException unknown) {
            return client.eval(ADD, ScriptOutputType.INTEGER, keys, "5");
        }
    }

    private void script(String name) {
        Common.equal(add(name), 5L);
        client.scriptFlush();
        Common.equal(add(name), 10L);
    }

    private void clientSideCaching(String name) throws Exception {
        try (StatefulRedisConnection<String, String> tracked = redis.connect()) {
            Map<String, String> cache = new ConcurrentHashMap<>();
            CacheFrontend<String, String> frontend =
                    ClientSideCaching.enable(CacheAccessor.forMap(cache), tracked, TrackingArgs.Builder.enabled());
            client.set(name, "old");
            Common.equal(frontend.get(name), "old");
            Common.equal(cache.get(name), "old");
            client.set(name, "new");
            Common.until("the new value", () -> "new".equals(frontend.get(name)));
        }
    }

    private <T> T command(CommandOutput<String, String, T> output, String command, String... args) {
        ProtocolKeyword keyword = new ProtocolKeyword() {
            @Override
            public byte[] getBytes() {
                return command.getBytes(StandardCharsets.US_ASCII);
            }

            @Override
            public String toString() {
                return command;
            }
        };
        return client.dispatch(keyword, output, new CommandArgs<>(StringCodec.UTF8).addValues(args));
    }

    private void counters(String name, int round) {
        Common.equal(command(new IntegerOutput<>(StringCodec.UTF8), "DKC.INC", "total"), (long) round);
        Common.equal(command(new ArrayOutput<>(StringCodec.UTF8), "DK.INC", "c" + round, "3"), List.of(3L, 3L));
        Common.equal(command(new ArrayOutput<>(StringCodec.UTF8), "DK.GET", "c" + round), List.of(3L, 3L));
    }
}
